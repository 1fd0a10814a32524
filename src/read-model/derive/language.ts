/** A language tag of BCP 47, or a locale of a POSIX system such as `pt_BR.UTF-8`. */
const TAG = /^([a-z]{2,3}(?:[-_][a-z\d]{1,8})*)(?:[.@].*)?$/is;

/**
 * A language as BCP 47 writes it, so that each has one spelling: `en-us`, `EN_us` and `en_US.UTF-8` are `en-US`. Of a browser's list
 * (`pt-BR,pt;q=0.9`) the first. Other texts stay as they are.
 */
export function languageOf(text: string): string {
  const [first = ''] = text.split(/[,;]/, 1);
  const tag = TAG.exec(first.trim())?.[1];
  if (!tag) return text;
  const [language, ...subtags] = tag.toLowerCase().split(/[-_]/);
  const singleton = subtags.findIndex((subtag) => subtag.length === 1);
  const spelled = subtags.map((subtag, place) =>
    singleton >= 0 && place > singleton ? subtag : spelledSubtag(subtag),
  );
  return [language, ...spelled].join('-');
}

/** Regions are written `BR`, scripts `Latn`. What follows a subtag of one letter is an extension, all in lower case. */
function spelledSubtag(subtag: string): string {
  if (/^[a-z]{2}$/.test(subtag)) return subtag.toUpperCase();
  return /^[a-z]{4}$/.test(subtag) ? subtag[0]!.toUpperCase() + subtag.slice(1) : subtag;
}
