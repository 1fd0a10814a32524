import type { EntityManager } from 'typeorm';
import { binary } from '../../database/binary.js';
import { conditions, type EventFilters } from './event-filters.js';
import { LISTED_COLUMNS, listed, type ListedEvent, type ListedRow } from './listed-event.js';

/** Events looked at in one statement, however few of them pass the filters. */
export const SLICE_MAX = 500;

const END = 'SELECT id FROM events WHERE app_id = ? AND id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?';

/** Where the slice of an app's events that begins at `from` ends, not included; undefined for the last one. @param size its events */
export async function sliceEnd(
  manager: EntityManager,
  appId: string,
  from: Buffer,
  before: Buffer,
  size: number,
): Promise<Buffer | undefined> {
  const [row]: { id: Buffer }[] = await manager.query(END, [binary(appId), from, before, size]);
  return row?.id;
}

/** In the order of their ids. @param from @param before ids, 16 bytes; before is not included */
export async function eventSlice(
  manager: EntityManager,
  appId: string,
  from: Buffer,
  before: Buffer,
  filters: EventFilters,
): Promise<ListedEvent[]> {
  const { sql, parameters } = conditions(filters);
  const rows: ListedRow[] = await manager.query(
    `SELECT ${LISTED_COLUMNS} FROM events WHERE app_id = ? AND id >= ? AND id < ?${sql} ORDER BY id`,
    [binary(appId), from, before, ...parameters],
  );
  return rows.map(listed);
}
