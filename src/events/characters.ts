/** Length of a text in characters as people and MySQL count them: code points, not UTF-16 code units. */
export function characters(text: string): number {
  return Array.from(text).length;
}
