/** Apps in one statement that has a part for each of them: it takes the time of its text to write and to parse. */
export const APPS_AT_ONCE = 100;

/** @param appIds in any number @returns as many as go into one statement at a time */
export function pagesOfApps(appIds: readonly string[]): (readonly string[])[] {
  const pages: (readonly string[])[] = [];
  for (let at = 0; at < appIds.length; at += APPS_AT_ONCE) pages.push(appIds.slice(at, at + APPS_AT_ONCE));
  return pages;
}

/**
 * The first rows over many apps, asked some apps at a time.
 * @param order in which `ask` answers @param ask the first `limit` rows of some apps
 */
export async function firstOverApps<T>(
  appIds: readonly string[],
  limit: number,
  order: (a: T, b: T) => number,
  ask: (page: readonly string[]) => Promise<T[]>,
): Promise<T[]> {
  const [first, ...rest] = pagesOfApps(appIds);
  let found = first ? await ask(first) : [];
  for (const page of rest) found = [...found, ...(await ask(page))].sort(order).slice(0, limit);
  return found;
}

/** Later ids first. @param a @param b 16 bytes each */
export function laterId(a: Buffer, b: Buffer): number {
  return Buffer.compare(b, a);
}
