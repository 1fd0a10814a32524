import type { EntityManager } from 'typeorm';
import { lowestId } from '../../events/event-id.js';
import { DAY_MS, QUARTERS_A_DAY } from '../../events/limits.js';
import { rewritePerson } from '../erasure/person-rows.js';
import { sqlTime } from '../repositories/bulk.js';

export const EXPIRED_AT_ONCE = 5000;
const PEOPLE_AT_ONCE = 200;

const DELETE_EVENTS = `DELETE FROM events WHERE app_id = ? AND id < ? ORDER BY id LIMIT ${EXPIRED_AT_ONCE}`;
const DELETE_LETTERS = `DELETE FROM dead_letters WHERE app_id = ? AND created_at < ?
ORDER BY created_at LIMIT ${EXPIRED_AT_ONCE}`;
/** What is left of events that expired before they could be stored is kept as long as a new event. */
const DELETE_EXPIRED_LETTERS = `DELETE FROM dead_letters WHERE app_id = ? AND stored_id < ? AND code <> 'too_old'
ORDER BY stored_id LIMIT ${EXPIRED_AT_ONCE}`;

const NAMES = 'SELECT DISTINCT event FROM event_summary WHERE app_id = ?';
const DELETE_SUMMARY = `DELETE FROM event_summary WHERE app_id = ? AND event = ? AND quarter < ?
ORDER BY quarter, device LIMIT ${EXPIRED_AT_ONCE}`;
const DELETE_DAYS = `DELETE FROM event_summary_days WHERE app_id = ? AND event = ? AND day < ?
ORDER BY day, device LIMIT ${EXPIRED_AT_ONCE}`;
const DELETE_BATCHES = `DELETE FROM event_user_batches WHERE app_id = ? AND event = ? AND day < ?
ORDER BY day, batch_id LIMIT ${EXPIRED_AT_ONCE}`;
const DELETE_USERS = `DELETE FROM event_users WHERE app_id = ? AND event = ? AND day < ?
ORDER BY day LIMIT ${EXPIRED_AT_ONCE}`;
const PEOPLE = `SELECT user_key AS userKey FROM user_analytics
WHERE app_id = ? AND user_key > ? AND first_seen < ? ORDER BY user_key LIMIT ${PEOPLE_AT_ONCE}`;

/** Does one statement at a time in a transaction of its own, again after a deadlock. */
export type Transact = <T>(work: (manager: EntityManager) => Promise<T>) => Promise<T>;

/** Deletes an app's events, and its dead letters, from before a moment (ms), piece by piece. @returns events deleted */
export async function deleteExpired(transact: Transact, appId: Buffer, before: number): Promise<number> {
  const id = lowestId(before);
  await inPieces(transact, DELETE_EXPIRED_LETTERS, [appId, id]);
  await inPieces(transact, DELETE_LETTERS, [appId, sqlTime(before)]);
  return inPieces(transact, DELETE_EVENTS, [appId, id]);
}

/** Deletes the counts of whole cells from before a moment; people keep what their remaining events tell. */
export async function dropExpiredCounts(transact: Transact, appId: Buffer, before: number): Promise<void> {
  const names = await transact<{ event: Buffer }[]>((manager) => manager.query(NAMES, [appId]));
  for (const { event } of names) {
    // Whole UTC days of everything, so that days and quarter-hours tell the same.
    const day = Math.floor(before / DAY_MS);
    await inPieces(transact, DELETE_SUMMARY, [appId, event, day * QUARTERS_A_DAY]);
    for (const sql of [DELETE_DAYS, DELETE_BATCHES, DELETE_USERS]) await inPieces(transact, sql, [appId, event, day]);
  }
  const time = sqlTime(before);
  let people: { userKey: Buffer }[] = [];
  do {
    const after = people.at(-1)?.userKey ?? Buffer.alloc(0);
    people = await transact((manager) => manager.query(PEOPLE, [appId, after, time]));
    for (const { userKey } of people) await transact((manager) => rewritePerson(manager, { appId, userKey }));
  } while (people.length === PEOPLE_AT_ONCE);
}

async function inPieces(transact: Transact, sql: string, parameters: unknown[]): Promise<number> {
  let sum = 0;
  for (;;) {
    const { affectedRows } = await transact<{ affectedRows: number }>((manager) => manager.query(sql, parameters));
    sum += affectedRows;
    if (affectedRows < EXPIRED_AT_ONCE) return sum;
  }
}
