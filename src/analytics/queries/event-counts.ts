import { binaries, binary } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import type { Device } from '../../events/event.js';
import type { TimeRange } from '../time-range.js';

/** How many events a range holds, by device. */
const EVENT_COUNTS = `SELECT device, SUM(n) AS n FROM event_summary
WHERE app_id IN (?) AND event = ? AND quarter >= ? AND quarter < ? GROUP BY device`;

/** The first and the last quarter-hour of a range in which something was counted, of each app from the primary key. */
const COUNTED_SPAN = `SELECT MIN(quarter) AS first, MAX(quarter) AS last FROM event_summary
WHERE app_id = ? AND event = ? AND quarter >= ? AND quarter < ?`;

export type EventCounts = Partial<Record<Device, number>>;

/** Quarter-hours since 1970 UTC, both included. */
export interface CountedSpan {
  first: number;
  last: number;
}

/**
 * @param appIds 32 hex digits each, at least one
 * @param event '' for all events
 * @returns by device; empty when nothing was counted
 */
export async function eventCounts(
  manager: EntityManager,
  appIds: readonly string[],
  event: string,
  { startQuarter, endQuarter }: TimeRange,
): Promise<EventCounts> {
  const rows: { device: Device; n: string }[] = await manager.query(EVENT_COUNTS, [
    ...[binaries(appIds), Buffer.from(event), startQuarter, endQuarter],
  ]);
  return Object.fromEntries(rows.map(({ device, n }) => [device, Number(n)]));
}

/** @returns undefined when nothing was counted */
export async function countedSpan(
  manager: EntityManager,
  appIds: readonly string[],
  event: string,
  { startQuarter, endQuarter }: TimeRange,
): Promise<CountedSpan | undefined> {
  const spans: CountedSpan[] = [];
  for (const appId of appIds) {
    const parameters = [binary(appId), Buffer.from(event), startQuarter, endQuarter];
    const [row]: { first: number | string | null; last: number | string | null }[] = await manager.query(
      COUNTED_SPAN,
      parameters,
    );
    if (row?.first != null) spans.push({ first: Number(row.first), last: Number(row.last) });
  }
  if (spans.length === 0) return undefined;
  return { first: Math.min(...spans.map(({ first }) => first)), last: Math.max(...spans.map(({ last }) => last)) };
}
