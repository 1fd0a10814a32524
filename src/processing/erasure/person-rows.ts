import type { EntityManager } from 'typeorm';
import { QUARTER_MS } from '../../events/limits.js';
import { sqlTime } from '../repositories/bulk.js';
import { ALL_EVENTS } from '../../database/all-events.js';
import { nonEmpty } from '../../database/binary.js';
import type { PersonKey } from './person-key.js';

const EVENTS = `SELECT id, event, device, occurred_at AS occurredAt FROM events
WHERE app_id = ? AND user_key = ? AND received_at <= ? ORDER BY occurred_at, id LIMIT ? FOR UPDATE`;
const DELETE_EVENTS = 'DELETE FROM events WHERE app_id = ? AND id IN (?)';

/** A cell may be gone, or smaller, where retention has dropped older counts. */
const SUBTRACT = `UPDATE event_summary SET n = IF(n > ?, n - ?, 0)
WHERE app_id = ? AND event = ? AND quarter = ? AND device = ?`;
const DELETE_EMPTY = `DELETE FROM event_summary
WHERE app_id = ? AND event = ? AND quarter = ? AND device = ? AND n = 0`;

const LOCK_PERSON = 'SELECT total_events AS total FROM user_analytics WHERE app_id = ? AND user_key = ? FOR UPDATE';
const REMAINING = 'SELECT COUNT(*) AS n, MIN(occurred_at) AS first FROM events WHERE app_id = ? AND user_key = ?';
const NEWEST = `SELECT id, occurred_at AS occurredAt, device, browser, os, ip FROM events
WHERE app_id = ? AND user_key = ? ORDER BY occurred_at DESC, id DESC LIMIT 1`;
const REWRITE_PERSON = `UPDATE user_analytics SET total_events = ?, first_seen = ?, last_seen = ?, last_id = ?,
device = ?, browser = ?, os = ?, ip = ? WHERE app_id = ? AND user_key = ?`;
const DELETE_PERSON = 'DELETE FROM user_analytics WHERE app_id = ? AND user_key = ?';

interface EventRow {
  id: Buffer;
  event: Buffer;
  device: string;
  occurredAt: Date;
}

/** What one transaction takes at most: the more cells of rollups its events are in, the longer they are locked. */
const CHUNK_EVENTS = 1000;
const CHUNK_CELLS = 200;

/**
 * Deletes a chunk of a person's events that were received until a moment, and takes them out of the rollups. Use in
 * a transaction at READ COMMITTED. Rollup rows are locked before what remains is read: a worker that adds to them at the
 * same time comes wholly before or wholly after.
 * @returns how many were deleted, and whether there may be more
 */
export async function erasePersonChunk(
  manager: EntityManager,
  person: PersonKey,
  receivedUntil: Date,
): Promise<{ deleted: number; more: boolean }> {
  const { appId, userKey } = person;
  const found: EventRow[] = await manager.query(EVENTS, [
    ...[appId, userKey, sqlTime(receivedUntil.getTime()), CHUNK_EVENTS],
  ]);
  if (found.length === 0) return { deleted: 0, more: false };
  const rows = withinCells(found);
  await manager.query(DELETE_EVENTS, [appId, nonEmpty(rows.map((row) => row.id))]);
  // In the order in which chunks lock.
  await rewritePerson(manager, person);
  await subtract(manager, appId, rows);
  return { deleted: rows.length, more: rows.length < found.length || found.length === CHUNK_EVENTS };
}

/** The first events whose names and quarter-hours make no more than CHUNK_CELLS cells; at least one. */
function withinCells(found: EventRow[]): EventRow[] {
  const cells = new Set<string>();
  const end = found.findIndex((row) => {
    cells.add(timeKey(row.event, quarterOf(row)) + row.device);
    return cells.size > CHUNK_CELLS;
  });
  return end < 0 ? found : found.slice(0, end);
}

/** The person's row as their remaining events tell it; where there are none it goes. */
export async function rewritePerson(
  manager: EntityManager,
  { appId, userKey }: Pick<PersonKey, 'appId' | 'userKey'>,
): Promise<void> {
  await manager.query(LOCK_PERSON, [appId, userKey]);
  const [remaining]: { n: string; first: Date | null }[] = await manager.query(REMAINING, [appId, userKey]);
  if (Number(remaining!.n) === 0) {
    await manager.query(DELETE_PERSON, [appId, userKey]);
    return;
  }
  const [newest]: {
    id: Buffer;
    occurredAt: Date;
    device: string;
    browser: string | null;
    os: string | null;
    ip: string | null;
  }[] = await manager.query(NEWEST, [appId, userKey]);
  const { id, occurredAt, device, browser, os, ip } = newest!;
  const first = sqlTime(remaining!.first!.getTime());
  await manager.query(REWRITE_PERSON, [
    ...[remaining!.n, first, sqlTime(occurredAt.getTime()), id, device, browser, os, ip],
    ...[appId, userKey],
  ]);
}

async function subtract(manager: EntityManager, appId: Buffer, rows: EventRow[]): Promise<void> {
  for (const { event, time, device, n } of countBy(rows)) {
    await manager.query(SUBTRACT, [n, n, appId, event, time, device]);
    await manager.query(DELETE_EMPTY, [appId, event, time, device]);
  }
}

/** Counts by name, by all names, and device, in the order of the rollups' primary keys. */
function countBy(rows: EventRow[]) {
  const cells = new Map<string, { event: Buffer; time: number; device: string; n: number }>();
  for (const row of rows) {
    const time = quarterOf(row);
    for (const event of [Buffer.from(ALL_EVENTS), row.event]) {
      const key = timeKey(event, time) + row.device;
      const cell = cells.get(key);
      if (cell) cell.n += 1;
      else cells.set(key, { event, time, device: row.device, n: 1 });
    }
  }
  return inOrder(cells);
}

function quarterOf(row: EventRow): number {
  return Math.floor(row.occurredAt.getTime() / QUARTER_MS);
}

function timeKey(event: Buffer, time: number): string {
  return `${event.toString('hex')} ${String(time).padStart(10, '0')}`;
}

/** As the workers lock them: by their primary keys. */
function inOrder<T>(cells: Map<string, T>): T[] {
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}
