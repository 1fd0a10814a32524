import type { EntityManager } from 'typeorm';
import { ALL_EVENTS } from '../../database/all-events.js';
import { binaries } from '../../database/binary.js';
import type { TimeRange } from '../time-range.js';

/** One value of a dimension. */
export interface ValueCount {
  /** Null: events that have none. */
  value: string | null;
  count: number;
  /** Null: not told, while ClickHouse does not count them. */
  uniqueUsers: number | null;
}

/** The most frequent values, and how many events there are with all of them. */
export interface Breakdown<T> {
  rows: T[];
  total: number;
}

/** The primary key leads to the quarter-hours of each name. */
const BY_NAME = `SELECT q.event AS name, SUM(q.n) AS n, SUM(SUM(q.n)) OVER () AS total FROM (
  SELECT DISTINCT app_id, event FROM event_summary WHERE app_id IN (?)
) names JOIN event_summary q ON q.app_id = names.app_id AND q.event = names.event
WHERE q.event <> ? AND q.quarter >= ? AND q.quarter < ? GROUP BY q.event ORDER BY n DESC, name LIMIT ?`;

/** How often each name was counted: from the rollups. @param appIds 32 hex digits each, at least one */
export async function nameBreakdown(
  manager: EntityManager,
  appIds: readonly string[],
  { startQuarter, endQuarter }: TimeRange,
  limit: number,
): Promise<Breakdown<{ value: string; count: number }>> {
  const rows: { name: Buffer; n: string; total: string }[] = await manager.query(BY_NAME, [
    ...[binaries(appIds), Buffer.from(ALL_EVENTS), startQuarter, endQuarter, limit],
  ]);
  return {
    total: Number(rows[0]?.total ?? 0),
    rows: rows.map(({ name, n }) => ({ value: name.toString(), count: Number(n) })),
  };
}
