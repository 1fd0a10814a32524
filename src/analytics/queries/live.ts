import type { EntityManager } from 'typeorm';
import { binaries } from '../../database/binary.js';
import { lowestId } from '../../events/event-id.js';
import { FUTURE_TOLERANCE_MS, MINUTE_MS } from '../../events/limits.js';

/** What occurred since a moment has an id of then or later: a short piece at the end of the primary key. */
const BY_MINUTE = `SELECT TIMESTAMPDIFF(MINUTE, '1970-01-01', occurred_at) AS minute, COUNT(*) AS n FROM events
WHERE app_id IN (?) AND id >= ? AND id < ? AND occurred_at >= ? GROUP BY minute ORDER BY minute`;

/**
 * How many events occurred in each minute. @param appIds at least one @param since ms, a whole minute
 * @returns of each minute from then to `until`, oldest first
 */
export async function minuteCounts(
  manager: EntityManager,
  appIds: readonly string[],
  since: number,
  until: number,
): Promise<{ minute: string; count: number }[]> {
  const rows: { minute: string | number; n: string }[] = await manager.query(BY_MINUTE, [
    ...[binaries(appIds), lowestId(since), lowestId(until + FUTURE_TOLERANCE_MS), new Date(since)],
  ]);
  const counts = new Map(rows.map(({ minute, n }) => [Number(minute), Number(n)]));
  const minutes = Math.floor((until - since) / MINUTE_MS) + 1;
  return Array.from({ length: minutes }, (_none, i) => {
    const minute = since / MINUTE_MS + i;
    return { minute: new Date(minute * MINUTE_MS).toISOString(), count: counts.get(minute) ?? 0 };
  });
}
