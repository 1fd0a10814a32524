/** The smallest code point that takes 2, 3 and 4 bytes in UTF-8. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;
/** Cc in Unicode. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\0-\x1f\x7f-\x9f]/g;
const isControl = (codePoint: number): boolean => codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0);

/** In a path these escapes differ from the character itself: `/a%2Fb` is not `/a/b`. */
const STAYS_IN_PATH = new Set(Array.from('/\\?#%', (character) => character.charCodeAt(0)));

/**
 * A parameter's value as people read it: `+` is a space, and escapes are decoded once. Bytes that are not UTF-8 and control
 * characters stay escapes, in upper case, so that two different values never become one.
 */
export function decodedValue(text: string): string {
  return decoded(text.includes('+') ? text.replaceAll('+', ' ') : text, isControl);
}

/**
 * A path as people read it. Escapes stay where decoding would change which page is meant. The result is the same when it is
 * decoded again.
 */
export function decodedPath(text: string): string {
  if (!text.includes('%')) return decoded(text, isControl);
  const escaped = text.replace(/%(?![0-9A-Fa-f]{2})/g, '%25');
  const path = decoded(escaped, (codePoint) => isControl(codePoint) || STAYS_IN_PATH.has(codePoint));
  // A percent sign stays an escape only where it would seem to begin another one.
  return path.replace(/%25(?![0-9A-Fa-f]{2})/g, '%');
}

function decoded(text: string, stays: (codePoint: number) => boolean): string {
  const readable = text.includes('%') ? text.replace(ESCAPES, (escapes) => decodedEscapes(escapes, stays)) : text;
  return readable.replace(CONTROLS, (control) => encodeURIComponent(control));
}

/** @param escapes such as `%C3%A9` */
function decodedEscapes(escapes: string, stays: (codePoint: number) => boolean): string {
  let text = '';
  for (let at = 0; at < escapes.length;) {
    const codePoint = codePointAt(escapes, at);
    const length = codePoint === undefined ? 3 : 3 * bytesOf(codePoint);
    text +=
      codePoint === undefined || stays(codePoint)
        ? escapes.slice(at, at + length).toUpperCase()
        : String.fromCodePoint(codePoint);
    at += length;
  }
  return text;
}

/** The code point whose UTF-8 begins at an escape; undefined where the bytes are not UTF-8. */
function codePointAt(escapes: string, at: number): number | undefined {
  const first = byteAt(escapes, at);
  if (first < 0x80) return first;
  const length = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
  if (length === 0) return undefined;
  let codePoint = first & (0x7f >> length);
  for (let place = 1; place < length; place += 1) {
    const next = byteAt(escapes, at + 3 * place);
    // Also where the text has ended: NaN.
    if ((next & 0xc0) !== 0x80) return undefined;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const isSurrogate = codePoint >= 0xd800 && codePoint < 0xe000;
  return codePoint < SMALLEST[length]! || codePoint > 0x10ffff || isSurrogate ? undefined : codePoint;
}

function byteAt(escapes: string, at: number): number {
  return Number.parseInt(escapes.slice(at + 1, at + 3), 16);
}

function bytesOf(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}
