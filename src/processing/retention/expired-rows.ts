import type { EntityManager } from 'typeorm';
import { nonEmpty } from '../../database/binary.js';
import { lowestId } from '../../events/event-id.js';
import { DAY_MS, FUTURE_TOLERANCE_MS, QUARTERS_A_DAY } from '../../events/limits.js';
import { rewritePerson } from '../erasure/person-rows.js';
import { sqlTime } from '../repositories/bulk.js';
import type { ArchiveRepository } from '../../read-model/archive/archive.repository.js';
import { archiveUsers, type ExpiringEvent } from './expired-sightings.js';

export const EXPIRED_AT_ONCE = 5000;
const PEOPLE_AT_ONCE = 200;

const COLUMNS = 'id, event, user_key AS userKey, occurred_at AS occurredAt';
const EXPIRED = `SELECT ${COLUMNS} FROM events WHERE app_id = ? AND id < ? ORDER BY id LIMIT ${EXPIRED_AT_ONCE} FOR UPDATE`;
/**
 * A client whose clock runs far ahead states ids of the future, though what happened is counted at its true time. They
 * expire by their receipt.
 */
const FROM_FAST_CLOCKS = `SELECT ${COLUMNS} FROM events WHERE app_id = ? AND id > ? AND received_at < ?
ORDER BY id LIMIT ${EXPIRED_AT_ONCE} FOR UPDATE`;
const DELETE_EVENTS = 'DELETE FROM events WHERE app_id = ? AND id IN (?)';
const DELETE_LETTERS = `DELETE FROM dead_letters WHERE app_id = ? AND created_at < ?
ORDER BY created_at LIMIT ${EXPIRED_AT_ONCE}`;
/** What is left of events that expired before they could be stored is kept as long as a new event. */
const DELETE_EXPIRED_LETTERS = `DELETE FROM dead_letters WHERE app_id = ? AND stored_id < ? AND code <> 'too_old'
ORDER BY stored_id LIMIT ${EXPIRED_AT_ONCE}`;

const FORGET_DETAILS = `UPDATE user_analytics SET ip = NULL, browser = NULL, os = NULL
WHERE app_id = ? AND last_seen < ? AND (ip IS NOT NULL OR browser IS NOT NULL OR os IS NOT NULL)
ORDER BY user_key LIMIT ${EXPIRED_AT_ONCE}`;

const NAMES = 'SELECT DISTINCT event FROM event_summary WHERE app_id = ?';
const DELETE_SUMMARY = `DELETE FROM event_summary WHERE app_id = ? AND event = ? AND quarter < ?
ORDER BY quarter, device LIMIT ${EXPIRED_AT_ONCE}`;
const DELETE_ARCHIVED = `DELETE FROM archived_users WHERE app_id = ? AND day < ?
ORDER BY day, event, user_key LIMIT ${EXPIRED_AT_ONCE}`;
/** Keep a user whose last events fall on a partly kept day until the whole day has expired. */
const PEOPLE = `SELECT user_key AS userKey FROM user_analytics p
WHERE app_id = ? AND user_key > ? AND first_seen < ? AND (last_seen < ? OR EXISTS (
  SELECT 1 FROM events e WHERE e.app_id = p.app_id AND e.user_key = p.user_key))
ORDER BY user_key LIMIT ${PEOPLE_AT_ONCE}`;

/** Does one statement at a time in a transaction of its own, again after a deadlock. */
export type Transact = <T>(work: (manager: EntityManager) => Promise<T>) => Promise<T>;

/** An app whose events expire. */
export interface ExpiringApp {
  appId: Buffer;
  /** ms */
  before: number;
  /** The first UTC day whose distinct users are kept, days since 1970. */
  usersFrom: number;
}

/**
 * Deletes an app's events, and its dead letters, from before a moment, piece by piece. Events go in the transaction that archives
 * their distinct users.
 * @param now ms
 * @returns events deleted
 */
export async function deleteExpired(
  transact: Transact,
  archive: ArchiveRepository,
  app: ExpiringApp,
  now: number,
): Promise<number> {
  const { appId, before } = app;
  const id = lowestId(before);
  await inPieces(transact, DELETE_EXPIRED_LETTERS, [appId, id]);
  await inPieces(transact, DELETE_LETTERS, [appId, sqlTime(before)]);
  const deleted = await deleteEvents(transact, archive, app, EXPIRED, [appId, id]);
  // What is counted is at most FUTURE_TOLERANCE_MS after receipt: whole cells of it lie before the bound.
  const received = sqlTime(before - FUTURE_TOLERANCE_MS);
  const future = lowestId(now + DAY_MS);
  return deleted + (await deleteEvents(transact, archive, app, FROM_FAST_CLOCKS, [appId, future, received]));
}

async function deleteEvents(
  transact: Transact,
  archive: ArchiveRepository,
  { appId, usersFrom }: ExpiringApp,
  sql: string,
  parameters: unknown[],
): Promise<number> {
  let sum = 0;
  for (;;) {
    const deleted = await transact(async (manager) => {
      const events: ExpiringEvent[] = await manager.query(sql, parameters);
      if (events.length === 0) return 0;
      await archiveUsers(manager, archive, appId, events, usersFrom);
      await manager.query(DELETE_EVENTS, [appId, nonEmpty(events.map((event) => event.id))]);
      return events.length;
    });
    sum += deleted;
    if (deleted < EXPIRED_AT_ONCE) return sum;
  }
}

/** Takes the address and the browser from people whose every event has expired: their counts alone are kept. */
export async function forgetExpiredDetails(transact: Transact, appId: Buffer, before: number): Promise<void> {
  await inPieces(transact, FORGET_DETAILS, [appId, sqlTime(before)]);
}

/** Deletes the counts of the whole UTC days before a moment. @returns the first moment (ms) of which counts are kept */
export async function dropExpiredCounts(transact: Transact, appId: Buffer, before: number): Promise<number> {
  const names = await transact<{ event: Buffer }[]>((manager) => manager.query(NAMES, [appId]));
  // Whole days only, since the archive is kept by days.
  const day = Math.floor(before / DAY_MS);
  await inPieces(transact, DELETE_ARCHIVED, [appId, day]);
  for (const { event } of names) {
    await inPieces(transact, DELETE_SUMMARY, [appId, event, day * QUARTERS_A_DAY]);
  }
  return day * DAY_MS;
}

/**
 * Recomputes users from their remaining events, and deletes those who have none.
 * @param from ms; the counts of days before it are gone
 */
export async function dropExpiredPeople(transact: Transact, appId: Buffer, from: number): Promise<void> {
  const time = sqlTime(from);
  let keys: Buffer[] = [];
  do {
    const after = keys.at(-1) ?? Buffer.alloc(0);
    keys = await transact(async (manager) => {
      const people: { userKey: Buffer }[] = await manager.query(PEOPLE, [appId, after, time, time]);
      for (const { userKey } of people) await rewritePerson(manager, { appId, userKey });
      return people.map(({ userKey }) => userKey);
    });
  } while (keys.length === PEOPLE_AT_ONCE);
}

async function inPieces(transact: Transact, sql: string, parameters: unknown[]): Promise<number> {
  let sum = 0;
  for (;;) {
    const { affectedRows } = await transact<{ affectedRows: number }>((manager) => manager.query(sql, parameters));
    sum += affectedRows;
    if (affectedRows < EXPIRED_AT_ONCE) return sum;
  }
}
