/** Longer texts are not remembered: few of them come twice, and they would take most of the memory. */
const TEXT_MAX = 512;

/**
 * Remembers what a function made of the texts that came lately. Holds at most twice `size` texts, in two generations: when the
 * younger one is full, it replaces the older one, so that what is asked for often stays.
 *
 * @param make must depend on its argument alone, and its result must not be changed
 */
export function remembered<Made>(size: number, make: (text: string) => Made): (text: string) => Made {
  let young = new Map<string, Made>();
  let old = new Map<string, Made>();
  return (text) => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const older = old.get(text);
    const made = older === undefined ? make(text) : older;
    if (text.length > TEXT_MAX) return made;
    if (young.size >= size) {
      old = young;
      young = new Map();
    }
    young.set(text, made);
    return made;
  };
}
