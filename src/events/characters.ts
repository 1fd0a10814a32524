/** Length of a text in characters as people and MySQL count them: code points, not UTF-16 code units. */
function characters(text: string): number {
  return Array.from(text).length;
}

/** Whether a text has at most `max` characters. It has no more than UTF-16 code units: most need not be counted. */
export function fits(text: string, max: number): boolean {
  return text.length <= max || characters(text) <= max;
}

/** Whether a text is empty, or shows nothing: white space, control characters, zero-width characters, Hangul and Khmer fillers, blank Braille. */
export function isBlank(text: string): boolean {
  return /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(text);
}
