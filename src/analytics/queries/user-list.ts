import type { EntityManager } from 'typeorm';
import { binary } from '../../database/binary.js';
import { firstOverApps } from './by-apps.js';
import { TOTALS_COLUMNS, totals, type TotalsRow, type UserTotals } from './user-totals.js';

/**
 * Of every user the one event that is their newest, in the order of ids: so the list is read from the primary key of
 * `events` backwards, and needs no index that every chunk would have to keep up to date.
 */
const NEWEST = `(SELECT ${TOTALS_COLUMNS} FROM events e JOIN user_analytics u
  ON u.app_id = e.app_id AND u.user_key = e.user_key AND u.last_id = e.id
WHERE e.app_id = ? AND e.id >= ? AND e.id < ? ORDER BY e.id DESC LIMIT ?)`;

/** Users that are looked through for a part of an id, over all apps. */
const SEARCHED_AT_MOST = 500_000;
const FOUND = `SELECT u.user_key AS userKey FROM (
  SELECT user_key, user_value FROM user_analytics WHERE app_id = ? LIMIT ?
) u WHERE LOCATE(?, u.user_value) > 0 LIMIT ?`;

/** Whose newest event of an app lies between the ids, newest first. @param appIds at least one @param from @param before 16 bytes */
export async function newestUsers(
  manager: EntityManager,
  appIds: readonly string[],
  { from, before, limit }: { from: Buffer; before: Buffer; limit: number },
): Promise<UserTotals[]> {
  const rows = await firstOverApps<TotalsRow>(
    appIds,
    limit,
    (a, b) => (a.lastId < b.lastId ? 1 : -1),
    (page) =>
      manager.query(`${page.map(() => NEWEST).join(' UNION ALL ')} ORDER BY lastId DESC LIMIT ?`, [
        ...page.flatMap((appId) => [binary(appId), from, before, limit]),
        limit,
      ]),
  );
  return rows.map(totals);
}

/** Keys of users whose id holds a text, letter by letter; in no order. @param appIds at least one */
export async function foundUsers(
  manager: EntityManager,
  appIds: readonly string[],
  text: string,
  limit: number,
): Promise<string[]> {
  const found = new Set<string>();
  const each = Math.ceil(SEARCHED_AT_MOST / appIds.length);
  for (const appId of appIds) {
    if (found.size >= limit) break;
    const parameters = [binary(appId), each, Buffer.from(text), limit];
    const rows: { userKey: Buffer }[] = await manager.query(FOUND, parameters);
    for (const { userKey } of rows) found.add(userKey.toString('hex'));
  }
  return [...found];
}
