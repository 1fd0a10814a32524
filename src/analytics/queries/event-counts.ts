import type { EntityManager } from 'typeorm';
import type { Device } from '../../events/event.js';
import type { TimeRange } from '../time-range.js';

/** How many events a range holds, by device, and which quarter-hours it really reaches. */
const EVENT_COUNTS = `SELECT device, SUM(n) AS n, MIN(quarter) AS first_quarter, MAX(quarter) AS last_quarter
FROM event_summary
WHERE app_id IN (?) AND event = ? AND quarter >= ? AND quarter < ?
GROUP BY device`;

export interface EventCounts {
  byDevice: Partial<Record<Device, number>>;
  /** Undefined when nothing was counted. */
  firstQuarter?: number;
  lastQuarter?: number;
}

interface Row {
  device: Device;
  n: string;
  first_quarter: number;
  last_quarter: number;
}

/**
 * @param appIds 32 hex digits each, at least one
 * @param event '' for all events
 */
export async function eventCounts(
  manager: EntityManager,
  appIds: readonly string[],
  event: string,
  { startQuarter, endQuarter }: TimeRange,
): Promise<EventCounts> {
  const apps = appIds.map((id) => Buffer.from(id, 'hex'));
  const rows: Row[] = await manager.query(EVENT_COUNTS, [apps, Buffer.from(event), startQuarter, endQuarter]);
  if (rows.length === 0) return { byDevice: {} };
  return {
    byDevice: Object.fromEntries(rows.map((row) => [row.device, Number(row.n)])),
    firstQuarter: Math.min(...rows.map((row) => Number(row.first_quarter))),
    lastQuarter: Math.max(...rows.map((row) => Number(row.last_quarter))),
  };
}
