import type { EntityManager } from 'typeorm';
import { DAY_MS, QUARTER_MS } from '../../events/limits.js';
import { QUARTER, SEEN_BITS } from '../recount/check.js';
import { binary, sqlTime } from '../repositories/bulk.js';
import { ALL_EVENTS } from '../rollup-sums.js';

const EVENTS = `SELECT id, event, device, occurred_at AS occurredAt FROM events
WHERE app_id = ? AND user_key = ? AND received_at <= ? ORDER BY occurred_at, id LIMIT ? FOR UPDATE`;
const DELETE_EVENTS = 'DELETE FROM events WHERE app_id = ? AND id IN (?)';

/** A cell may be gone, or smaller, where retention has dropped older counts. */
const SUBTRACT = `UPDATE event_summary SET n = IF(n > ?, n - ?, 0)
WHERE app_id = ? AND event = ? AND quarter = ? AND device = ?`;
const DELETE_EMPTY = `DELETE FROM event_summary
WHERE app_id = ? AND event = ? AND quarter = ? AND device = ? AND n = 0`;

const UNSEE = 'UPDATE event_users SET seen0 = 0, seen1 = 0 WHERE app_id = ? AND event = ? AND day = ? AND user_key = ?';
const SEE = `INSERT INTO event_users (app_id, event, day, user_key, seen0, seen1) VALUES (?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE seen0 = seen0 | VALUES(seen0), seen1 = seen1 | VALUES(seen1)`;
const DELETE_UNSEEN = `DELETE FROM event_users
WHERE app_id = ? AND event = ? AND day = ? AND user_key = ? AND seen0 = 0 AND seen1 = 0`;
const STILL_SEEN = `SELECT event, ${QUARTER} DIV 96 AS day, ${SEEN_BITS('seen0', 'seen1')} FROM events
WHERE app_id = ? AND user_key = ? AND occurred_at >= ? AND occurred_at < ? GROUP BY event, day`;

const LOCK_PERSON = 'SELECT total_events AS total FROM user_analytics WHERE app_id = ? AND user_key = ? FOR UPDATE';
const REMAINING = 'SELECT COUNT(*) AS n, MIN(occurred_at) AS first FROM events WHERE app_id = ? AND user_key = ?';
const NEWEST = `SELECT id, occurred_at AS occurredAt, device, browser, os, ip FROM events
WHERE app_id = ? AND user_key = ? ORDER BY occurred_at DESC, id DESC LIMIT 1`;
const REWRITE_PERSON = `UPDATE user_analytics SET total_events = ?, first_seen = ?, last_seen = ?, last_id = ?,
device = ?, browser = ?, os = ?, ip = ? WHERE app_id = ? AND user_key = ?`;
const DELETE_PERSON = 'DELETE FROM user_analytics WHERE app_id = ? AND user_key = ?';
const DELETE_OLD_DAYS = 'DELETE FROM event_users WHERE app_id = ? AND day <= ? AND user_key = ?';

/** One key of a person in one app. */
export interface PersonKey {
  appId: Buffer;
  userKey: Buffer;
}

interface EventRow {
  id: Buffer;
  event: Buffer;
  device: string;
  occurredAt: Date;
}

/**
 * Deletes up to `limit` of a person's events that were received until a moment, and takes them out of the rollups. Use in
 * a transaction at READ COMMITTED. Rollup rows are locked before what remains is read: a worker that adds to them at the
 * same time comes wholly before or wholly after.
 * @returns how many were deleted
 */
export async function erasePersonChunk(
  manager: EntityManager,
  person: PersonKey,
  receivedUntil: Date,
  limit: number,
): Promise<number> {
  const { appId, userKey } = person;
  const rows: EventRow[] = await manager.query(EVENTS, [appId, userKey, sqlTime(receivedUntil.getTime()), limit]);
  if (rows.length === 0) return 0;
  await manager.query(DELETE_EVENTS, [appId, rows.map((row) => row.id)]);
  await subtract(manager, appId, rows);
  await seeAnew(manager, person, rows);
  await rewritePerson(manager, person);
  return rows.length;
}

/** The person's row as their remaining events tell it; where there are none it goes. */
export async function rewritePerson(manager: EntityManager, { appId, userKey }: PersonKey): Promise<void> {
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

/** Days whose events retention has deleted already still know the person. */
export async function forgetOldDays(manager: EntityManager, person: PersonKey, deletedBefore: Date): Promise<void> {
  const lastDay = Math.floor(deletedBefore.getTime() / DAY_MS);
  await manager.query(DELETE_OLD_DAYS, [person.appId, lastDay, person.userKey]);
}

async function subtract(manager: EntityManager, appId: Buffer, rows: EventRow[]): Promise<void> {
  const cells = new Map<string, { event: Buffer; quarter: number; device: string; n: number }>();
  for (const row of rows) {
    const quarter = Math.floor(row.occurredAt.getTime() / QUARTER_MS);
    for (const event of [Buffer.from(ALL_EVENTS), row.event]) {
      const key = `${event.toString('hex')} ${String(quarter).padStart(10, '0')}${row.device}`;
      const cell = cells.get(key);
      if (cell) cell.n += 1;
      else cells.set(key, { event, quarter, device: row.device, n: 1 });
    }
  }
  for (const { event, quarter, device, n } of inOrder(cells)) {
    await manager.query(SUBTRACT, [n, n, appId, event, quarter, device]);
    await manager.query(DELETE_EMPTY, [appId, event, quarter, device]);
  }
}

async function seeAnew(manager: EntityManager, { appId, userKey }: PersonKey, rows: EventRow[]): Promise<void> {
  const touched = new Map<string, { event: Buffer; day: number }>();
  for (const row of rows) {
    const day = Math.floor(row.occurredAt.getTime() / DAY_MS);
    for (const event of [Buffer.from(ALL_EVENTS), row.event]) touched.set(dayKey(event, day), { event, day });
  }
  const cells = inOrder(touched);
  for (const { event, day } of cells) await manager.query(UNSEE, [appId, event, day, userKey]);
  const days = cells.map((cell) => cell.day);
  const from = sqlTime(Math.min(...days) * DAY_MS);
  const to = sqlTime((Math.max(...days) + 1) * DAY_MS);
  const remaining: { event: Buffer; day: string; seen0: string; seen1: string }[] = await manager.query(STILL_SEEN, [
    appId,
    userKey,
    from,
    to,
  ]);
  for (const { event, day, seen0, seen1 } of remaining) {
    for (const name of [Buffer.from(ALL_EVENTS), event]) {
      if (touched.has(dayKey(name, Number(day)))) await manager.query(SEE, [appId, name, day, userKey, seen0, seen1]);
    }
  }
  for (const { event, day } of cells) await manager.query(DELETE_UNSEEN, [appId, event, day, userKey]);
}

function dayKey(event: Buffer, day: number): string {
  return `${event.toString('hex')} ${String(day).padStart(10, '0')}`;
}

/** As the workers lock them: by their primary keys. */
function inOrder<T>(cells: Map<string, T>): T[] {
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}

export function personKeys(appId: string, userKeys: readonly string[]): PersonKey[] {
  return userKeys.map((key) => ({ appId: binary(appId), userKey: binary(key) }));
}
