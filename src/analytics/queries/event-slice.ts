import type { EntityManager } from 'typeorm';
import { binary } from '../../database/binary.js';
import { LISTED_COLUMNS, listed, type ListedEvent, type ListedRow } from './listed-event.js';

const END = 'SELECT id FROM events WHERE app_id = ? AND id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?';
const OCCURRED_BETWEEN = `FROM events WHERE app_id = ? AND id >= ? AND id < ?
AND occurred_at >= ? AND occurred_at < ? ORDER BY id`;
const EVENTS = `SELECT ${LISTED_COLUMNS} ${OCCURRED_BETWEEN}`;
const IDS = `SELECT id ${OCCURRED_BETWEEN}`;

/** After every time that MySQL can hold. */
const LAST_TIME = Date.UTC(9999, 11, 31);

/** Events of an app between two ids (16 bytes; the second is not included) that occurred in a period. */
export interface EventSlice {
  /** 32 hex digits. */
  appId: string;
  from: Buffer;
  before: Buffer;
  /** ms */
  occurredFrom: number;
  /** ms, not included; undefined where the end is open. */
  occurredBefore?: number;
}

/** Where the first `size` events that lie between the ids end, not included; undefined where there are no more. */
export async function sliceEnd(
  manager: EntityManager,
  { appId, from, before }: EventSlice,
  size: number,
): Promise<Buffer | undefined> {
  const [row]: { id: Buffer }[] = await manager.query(END, [binary(appId), from, before, size]);
  return row?.id;
}

/** In the order of their ids. */
export async function eventSlice(manager: EntityManager, slice: EventSlice): Promise<ListedEvent[]> {
  const rows: ListedRow[] = await manager.query(EVENTS, parametersOf(slice));
  return rows.map(listed);
}

/** The ids of a slice, 32 hex digits each, in order. */
export async function idSlice(manager: EntityManager, slice: EventSlice): Promise<string[]> {
  const rows: { id: Buffer }[] = await manager.query(IDS, parametersOf(slice));
  return rows.map(({ id }) => id.toString('hex'));
}

function parametersOf({ appId, from, before, occurredFrom, occurredBefore = LAST_TIME }: EventSlice): unknown[] {
  return [binary(appId), from, before, new Date(occurredFrom), new Date(occurredBefore)];
}
