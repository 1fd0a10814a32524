import type { EntityManager } from 'typeorm';
import { ALL_EVENTS } from '../../database/all-events.js';
import { binary } from '../../database/binary.js';
import { QUARTERS_A_DAY } from '../../events/limits.js';
import type { RawRange } from '../raw-range.js';
import { rangeParts, type TimeRange } from '../time-range.js';
import type { Expression } from './dimensions.js';
import { conditions, type EventFilters } from './event-filters.js';

/** Characters of a value by which events are told apart. */
const VALUE_MAX = 512;

/** One value of a dimension. */
export interface ValueCount {
  /** Null: events that have none. */
  value: string | null;
  count: number;
  uniqueUsers: number;
}

/** The most frequent values, and how many events there are with all of them. */
export interface Breakdown<T> {
  rows: T[];
  total: number;
}

/**
 * From the events themselves. @param appIds 32 hex digits each, at least one @param filters of the range as well
 */
export async function eventBreakdown(
  manager: EntityManager,
  appIds: readonly string[],
  { sql: dimension, parameters }: Expression,
  { fromId, beforeId }: RawRange,
  filters: EventFilters,
  limit: number,
): Promise<Breakdown<ValueCount>> {
  const where = conditions(filters);
  const rows: { value: Buffer | null; n: string; users: string; total: string }[] = await manager.query(
    `SELECT CAST(LEFT(${dimension}, ${VALUE_MAX}) AS BINARY) AS value, COUNT(*) AS n, COUNT(DISTINCT user_key) AS users,
      SUM(COUNT(*)) OVER () AS total
    FROM events WHERE app_id IN (?) AND id >= ? AND id < ?${where.sql}
    GROUP BY value ORDER BY n DESC, value LIMIT ?`,
    [...parameters, appIds.map(binary), fromId, beforeId, ...where.parameters, limit],
  );
  return {
    total: Number(rows[0]?.total ?? 0),
    rows: rows.map(({ value, n, users }) => ({
      value: value && value.toString(),
      count: Number(n),
      uniqueUsers: Number(users),
    })),
  };
}

const NAMES = `SELECT DISTINCT event FROM event_summary_days
WHERE app_id IN (?) AND event <> ? AND day >= ? AND day <= ?`;
/** Quarter-hours are asked name by name: the primary key leads to them. */
const BY_NAME = `SELECT event AS name, SUM(n) AS n, SUM(SUM(n)) OVER () AS total FROM (
  SELECT event, n FROM event_summary_days WHERE app_id IN (?) AND event IN (?) AND day >= ? AND day < ?
  UNION ALL SELECT event, n FROM event_summary WHERE app_id IN (?) AND event IN (?) AND quarter >= ? AND quarter < ?
  UNION ALL SELECT event, n FROM event_summary WHERE app_id IN (?) AND event IN (?) AND quarter >= ? AND quarter < ?
) counted GROUP BY event ORDER BY n DESC, event LIMIT ?`;

/** How often each name was counted: from the rollups. @param appIds as above */
export async function nameBreakdown(
  manager: EntityManager,
  appIds: readonly string[],
  range: TimeRange,
  limit: number,
): Promise<Breakdown<{ value: string; count: number }>> {
  const apps = appIds.map(binary);
  const days = [Math.floor(range.startQuarter / QUARTERS_A_DAY), Math.floor((range.endQuarter - 1) / QUARTERS_A_DAY)];
  const names: { event: Buffer }[] = await manager.query(NAMES, [apps, Buffer.from(ALL_EVENTS), ...days]);
  if (names.length === 0) return { rows: [], total: 0 };
  const cells = [apps, names.map(({ event }) => event)];
  const { startDay, endDay, before, after } = rangeParts(range);
  const rows: { name: Buffer; n: string; total: string }[] = await manager.query(BY_NAME, [
    ...[...cells, startDay, endDay],
    ...[...cells, before.startQuarter, before.endQuarter],
    ...[...cells, after.startQuarter, after.endQuarter],
    limit,
  ]);
  return {
    total: Number(rows[0]?.total ?? 0),
    rows: rows.map(({ name, n }) => ({ value: name.toString(), count: Number(n) })),
  };
}
