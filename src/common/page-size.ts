/** Bytes of the entries on one page, as JSON. */
export const PAGE_MAX_BYTES = 1024 * 1024;

/**
 * The entries that fit on a page: the first ones, up to `limit` and up to {@link PAGE_MAX_BYTES} together. The first entry
 * is always there, whatever its size. A page that ends early is followed by one that begins after its last entry.
 * @param bytesOf bytes of an entry as JSON
 */
export function fittingEntries<T>(entries: readonly T[], limit: number, bytesOf: (entry: T) => number): T[] {
  const page: T[] = [];
  let bytes = 0;
  for (const entry of entries.slice(0, limit)) {
    bytes += bytesOf(entry);
    if (bytes > PAGE_MAX_BYTES && page.length > 0) break;
    page.push(entry);
  }
  return page;
}
