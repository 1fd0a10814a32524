import { randomBytes } from 'node:crypto';
import { Repository } from 'typeorm';
import type { EventUsers } from '../../database/entities/index.js';
import { type SealedSightings, unpackSightings } from '../../database/seen-users.js';
import { userNumbers } from '../../database/user-numbers.js';
import { binary, nonEmpty } from '../../database/binary.js';
import { insertRows } from '../repositories/bulk.js';

/** Cells that have waited long enough, or hold enough, to be sealed. An app that is being erased is left alone. */
const DUE = `SELECT b.app_id AS appId, a.owner_id AS ownerId, b.event, b.day
FROM event_user_batches b JOIN apps a ON a.id = b.app_id
WHERE a.deleted_at IS NULL
GROUP BY b.app_id, a.owner_id, b.event, b.day
HAVING SUM(LENGTH(b.seen)) >= ? OR MIN(b.batch_id) <= ?
ORDER BY b.app_id, b.event, b.day LIMIT ?`;

const CELL = 'app_id = ? AND event = ? AND day = ?';
const BATCH_IDS = `SELECT batch_id AS batchId FROM event_user_batches WHERE ${CELL}`;
/** By their ids: a chunk that is adding another one is not waited for. */
const LOCK_BATCHES = `SELECT batch_id AS batchId, seen FROM event_user_batches WHERE ${CELL} AND batch_id IN (?)
ORDER BY batch_id FOR UPDATE`;
/** All of them: whoever takes a person out waits for the chunk that is adding one. */
const LOCK_ALL_BATCHES = `SELECT batch_id AS batchId, seen FROM event_user_batches WHERE ${CELL} ORDER BY batch_id FOR UPDATE`;
const DELETE_BATCHES = `DELETE FROM event_user_batches WHERE ${CELL} AND batch_id IN (?)`;
const PUT_BATCH = `INSERT INTO event_user_batches (app_id, event, day, batch_id, seen) VALUES (?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE seen = VALUES(seen)`;

const LOCK_SEALED = `SELECT users, quarters FROM event_users WHERE ${CELL} FOR UPDATE`;
const PUT_SEALED = `INSERT INTO event_users (app_id, event, day, version, users, quarters) VALUES (?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE version = VALUES(version), users = VALUES(users), quarters = VALUES(quarters)`;
const DELETE_SEALED = `DELETE FROM event_users WHERE ${CELL}`;

const TAKE_NUMBERS = `INSERT INTO user_number_counters (owner_id, next_number) VALUES (?, ?)
ON DUPLICATE KEY UPDATE next_number = next_number + VALUES(next_number)`;
const NEXT_NUMBER = 'SELECT next_number AS next FROM user_number_counters WHERE owner_id = ?';
const GIVE_NUMBERS = 'INSERT INTO user_numbers (owner_id, user_key, number) VALUES ?';
/** A person may still be known in another app of the owner. */
const FORGET_NUMBERS = `DELETE FROM user_numbers WHERE owner_id = ? AND user_key IN (?) AND NOT EXISTS (
  SELECT 1 FROM user_analytics JOIN apps ON apps.id = user_analytics.app_id
  WHERE apps.owner_id = user_numbers.owner_id AND user_analytics.user_key = user_numbers.user_key)`;

/** Numbers given in one statement. */
const GIVEN_AT_ONCE = 5000;

/** One day of one event (the name '' stands for all) in one app. */
export interface UsersCellKey {
  appId: Buffer;
  event: Buffer;
  /** Days since 1970 UTC. */
  day: number;
}

export interface DueCell extends UsersCellKey {
  ownerId: Buffer;
}

export interface SeenBatch {
  batchId: Buffer;
  sightings: [userKey: string, quarter: number][];
}

/** Owns the SQL by which sightings go from batches to sealed cells, and people out of both. Use in a transaction. */
export class SealingRepository extends Repository<EventUsers> {
  /** In the order of their keys. @param bytes of batches @param until batch id, 16 bytes */
  async due(bytes: number, until: Buffer, limit: number): Promise<DueCell[]> {
    const rows: (Omit<DueCell, 'day'> & { day: number | string })[] = await this.manager.query(DUE, [
      bytes,
      until,
      limit,
    ]);
    return rows.map((row) => ({ ...row, day: Number(row.day) }));
  }

  /** The batches that are committed now. */
  async lockCommitted(cell: UsersCellKey): Promise<SeenBatch[]> {
    const ids: { batchId: Buffer }[] = await this.manager.query(BATCH_IDS, key(cell));
    if (ids.length === 0) return [];
    return batches(await this.manager.query(LOCK_BATCHES, [...key(cell), nonEmpty(ids.map((row) => row.batchId))]));
  }

  async lockAll(cell: UsersCellKey): Promise<SeenBatch[]> {
    return batches(await this.manager.query(LOCK_ALL_BATCHES, key(cell)));
  }

  async deleteBatches(cell: UsersCellKey, ids: readonly Buffer[]): Promise<void> {
    if (ids.length > 0) await this.manager.query(DELETE_BATCHES, [...key(cell), nonEmpty(ids)]);
  }

  async putBatch(cell: UsersCellKey, batchId: Buffer, seen: Buffer): Promise<void> {
    await this.manager.query(PUT_BATCH, [...key(cell), batchId, seen]);
  }

  async lockSealed(cell: UsersCellKey): Promise<SealedSightings | undefined> {
    const [row]: SealedSightings[] = await this.manager.query(LOCK_SEALED, key(cell));
    return row;
  }

  /** Without sightings the cell goes. */
  async putSealed(cell: UsersCellKey, { users, quarters }: SealedSightings): Promise<void> {
    if (quarters.length === 0) await this.manager.query(DELETE_SEALED, key(cell));
    else await this.manager.query(PUT_SEALED, [...key(cell), randomBytes(8).readBigUInt64BE(), users, quarters]);
  }

  /** See {@link userNumbers}. */
  numbers(ownerId: Buffer, userKeys: readonly string[]): Promise<Map<string, number>> {
    return userNumbers(this.manager, ownerId, userKeys);
  }

  /** Gives each a number that was never given before; what gives numbers at the same time waits. */
  async giveNumbers(ownerId: Buffer, userKeys: readonly string[]): Promise<Map<string, number>> {
    if (userKeys.length === 0) return new Map();
    await this.manager.query(TAKE_NUMBERS, [ownerId, userKeys.length]);
    const [row]: { next: number | string }[] = await this.manager.query(NEXT_NUMBER, [ownerId]);
    const first = Number(row!.next) - userKeys.length;
    const given = new Map([...userKeys].sort().map((userKey, index) => [userKey, first + index]));
    const rows = [...given].map(([userKey, number]) => [ownerId, binary(userKey), number]);
    for (let at = 0; at < rows.length; at += GIVEN_AT_ONCE) {
      await insertRows(this.manager, GIVE_NUMBERS, rows.slice(at, at + GIVEN_AT_ONCE));
    }
    return given;
  }

  /** Takes the numbers from people who are in no app of their owner any more. Under the sealing lock. */
  async forgetNumbers(ownerId: Buffer, userKeys: readonly Buffer[]): Promise<void> {
    if (userKeys.length > 0) await this.manager.query(FORGET_NUMBERS, [ownerId, nonEmpty(userKeys)]);
  }
}

function key({ appId, event, day }: UsersCellKey): [Buffer, Buffer, number] {
  return [appId, event, day];
}

function batches(rows: { batchId: Buffer; seen: Buffer }[]): SeenBatch[] {
  return rows.map(({ batchId, seen }) => ({ batchId, sightings: unpackSightings(seen) }));
}
