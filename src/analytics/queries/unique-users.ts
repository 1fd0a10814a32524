import type { EntityManager } from 'typeorm';
import type { DayRange } from '../time-range.js';

/**
 * Distinct users of a range, over all apps asked at once: the same user in two apps is one. Only the first and the last
 * day are asked for their quarter-hours; whoever was seen on a day between them is in the range.
 */
const UNIQUE_USERS = `SELECT COUNT(DISTINCT user_key) AS n
FROM event_users
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ?
  AND (day <> ? OR (seen0 & ?) <> 0 OR (seen1 & ?) <> 0)
  AND (day <> ? OR (seen0 & ?) <> 0 OR (seen1 & ?) <> 0)`;

/**
 * @param appIds 32 hex digits each, at least one
 * @param event '' for all events
 */
export async function uniqueUsers(
  manager: EntityManager,
  appIds: readonly string[],
  event: string,
  { first, last }: DayRange,
): Promise<number> {
  const rows: { n: string }[] = await manager.query(UNIQUE_USERS, [
    appIds.map((id) => Buffer.from(id, 'hex')),
    Buffer.from(event),
    first.day,
    last.day,
    first.day,
    first.mask0,
    first.mask1,
    last.day,
    last.mask0,
    last.mask1,
  ]);
  return Number(rows[0]!.n);
}
