import type { EntityManager } from 'typeorm';
import { ALL_EVENTS } from '../../database/all-events.js';
import { binaries, binary } from '../../database/binary.js';
import type { RawRange } from '../raw-range.js';
import type { TimeRange } from '../time-range.js';
import { type Expression, NAMED_DIMENSIONS, VALUE_MAX } from './dimensions.js';
import { conditions, type EventFilters } from './event-filters.js';

/** One value of a dimension. */
export interface ValueCount {
  /** Null: events that have none. */
  value: string | null;
  count: number;
  /** Null: not told, where events are not looked at one by one. */
  uniqueUsers: number | null;
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
  // A name is short enough as it is; its column counts bytes, not characters.
  const value = dimension === NAMED_DIMENSIONS.event ? dimension : `LEFT(${dimension}, ${VALUE_MAX})`;
  const rows: { value: Buffer | null; n: string; users: string; total: string }[] = await manager.query(
    `SELECT CAST(${value} AS BINARY) AS value, COUNT(*) AS n, COUNT(DISTINCT user_key) AS users,
      SUM(COUNT(*)) OVER () AS total
    FROM events WHERE app_id IN (?) AND id >= ? AND id < ?${where.sql}
    GROUP BY value ORDER BY n DESC, value LIMIT ?`,
    [...parameters, binaries(appIds), fromId, beforeId, ...where.parameters, limit],
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

/** The primary key leads to the quarter-hours of each name. */
const BY_NAME = `SELECT q.event AS name, SUM(q.n) AS n, SUM(SUM(q.n)) OVER () AS total FROM (
  SELECT DISTINCT app_id, event FROM event_summary WHERE app_id IN (?)
) names JOIN event_summary q ON q.app_id = names.app_id AND q.event = names.event
WHERE q.event <> ? AND q.quarter >= ? AND q.quarter < ? GROUP BY q.event ORDER BY n DESC, name LIMIT ?`;

/** How often each name was counted: from the rollups. @param appIds as above */
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

const COUNT_UP_TO = `SELECT COUNT(*) AS n FROM (
  SELECT 1 FROM events WHERE app_id = ? AND id >= ? AND id < ? LIMIT ?
) some`;

/** Whether more events than `max` lie between the ids, over all apps. Looks at no more than these. */
export async function holdsMoreThan(
  manager: EntityManager,
  appIds: readonly string[],
  { fromId, beforeId }: RawRange,
  max: number,
): Promise<boolean> {
  let left = max;
  for (const appId of appIds) {
    const [row]: { n: string }[] = await manager.query(COUNT_UP_TO, [binary(appId), fromId, beforeId, left + 1]);
    left -= Number(row!.n);
    if (left < 0) return true;
  }
  return false;
}
