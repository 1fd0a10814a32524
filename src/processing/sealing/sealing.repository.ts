import { randomBytes } from 'node:crypto';
import { Repository } from 'typeorm';
import type { EventUsers } from '../../database/entities/index.js';
import { type SealedSightings, unpackSightings } from '../../database/seen-users.js';
import { userNumbers } from '../../database/user-numbers.js';
import { binary, nonEmpty } from '../../database/binary.js';
import { insertRows } from '../repositories/bulk.js';

/** One look for each app that has batches, however many these are. An app that is being erased is left alone. */
const APPS = `SELECT a.id AS appId, a.owner_id AS ownerId
FROM (SELECT DISTINCT app_id FROM event_user_batches) b JOIN apps a ON a.id = b.app_id
WHERE a.deleted_at IS NULL ORDER BY a.id`;
const KEPT_APP = 'EXISTS (SELECT 1 FROM apps WHERE id = ? AND deleted_at IS NULL)';
const BATCHES = `SELECT event, day, batch_id AS batchId, LENGTH(seen) AS bytes FROM event_user_batches
WHERE app_id = ? AND ${KEPT_APP} ORDER BY event, day, batch_id LIMIT ?`;
const BATCHES_AFTER = `SELECT event, day, batch_id AS batchId, LENGTH(seen) AS bytes FROM event_user_batches
WHERE app_id = ? AND ${KEPT_APP} AND (event > ? OR event = ? AND (day > ? OR day = ? AND batch_id > ?))
ORDER BY event, day, batch_id LIMIT ?`;

const CELL = 'app_id = ? AND event = ? AND day = ?';
/** Written out: given a list of tuples, MariaDB does not always look each of them up by its key. */
const anyOf = (condition: string, count: number) => `(${Array<string>(count).fill(condition).join(' OR ')})`;
const anyBatch = (count: number) => anyOf('(event = ? AND day = ? AND batch_id = ?)', count);
/** By their keys: a chunk that is adding another one is not waited for. */
const lockBatches = (count: number) => `SELECT event, day, batch_id AS batchId, seen FROM event_user_batches
WHERE app_id = ? AND ${anyBatch(count)} ORDER BY event, day, batch_id FOR UPDATE`;
const deleteLocked = (count: number) => `DELETE FROM event_user_batches WHERE app_id = ? AND ${anyBatch(count)}`;
const lockCells = (count: number) => `SELECT event, day, users, quarters FROM event_users
WHERE app_id = ? AND ${anyOf('(event = ? AND day = ?)', count)} FOR UPDATE`;
const PUT_CELLS = `INSERT INTO event_users (app_id, event, day, version, users, quarters) VALUES ?
ON DUPLICATE KEY UPDATE version = VALUES(version), users = VALUES(users), quarters = VALUES(quarters)`;
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

/** A batch of an app. */
export interface BatchKey extends Omit<UsersCellKey, 'appId'> {
  batchId: Buffer;
}

/** A batch that is there, and its size. */
export interface FoundBatch extends BatchKey {
  bytes: number;
}

export interface SeenBatch {
  batchId: Buffer;
  sightings: [userKey: string, quarter: number][];
}

export interface SealedCell extends Omit<UsersCellKey, 'appId'> {
  sealed: SealedSightings;
}

/** Owns the SQL by which sightings go from batches to sealed cells, and people out of both. Use in a transaction. */
export class SealingRepository extends Repository<EventUsers> {
  /** Apps that have batches, but for those that are being erased. */
  appsWithBatches(): Promise<{ appId: Buffer; ownerId: Buffer }[]> {
    return this.manager.query(APPS);
  }

  /** Committed batches of an app in the order of their keys. @param after the last one of the page before */
  async batchesOf(appId: Buffer, after: BatchKey | undefined, limit: number): Promise<FoundBatch[]> {
    const from = after && [after.event, after.event, after.day, after.day, after.batchId];
    const rows: (FoundBatch & { day: number | string; bytes: number | string })[] = await this.manager.query(
      from ? BATCHES_AFTER : BATCHES,
      [appId, appId, ...(from ?? []), limit],
    );
    return rows.map((row) => ({ ...row, day: Number(row.day), bytes: Number(row.bytes) }));
  }

  /** What is still there of these batches, in the order of their keys. @param keys at least one */
  async lockBatches(appId: Buffer, keys: readonly BatchKey[]): Promise<(BatchKey & SeenBatch)[]> {
    const rows: (BatchKey & { day: number | string; seen: Buffer })[] = await this.manager.query(
      lockBatches(nonEmpty(keys).length),
      [appId, ...keys.flatMap(batchValues)],
    );
    return rows.map(({ event, day, batchId, seen }) => {
      return { event, day: Number(day), batchId, sightings: unpackSightings(seen) };
    });
  }

  /** @param keys of batches that are locked, at least one */
  async deleteLocked(appId: Buffer, keys: readonly BatchKey[]): Promise<void> {
    await this.manager.query(deleteLocked(nonEmpty(keys).length), [appId, ...keys.flatMap(batchValues)]);
  }

  /** Those of these cells that are sealed. @param cells at least one */
  async lockCells(appId: Buffer, cells: readonly Omit<UsersCellKey, 'appId'>[]): Promise<SealedCell[]> {
    const rows: (UsersCellKey & SealedSightings & { day: number | string })[] = await this.manager.query(
      lockCells(nonEmpty(cells).length),
      [appId, ...cells.flatMap(({ event, day }) => [event, day])],
    );
    return rows.map(({ event, day, users, quarters }) => ({ event, day: Number(day), sealed: { users, quarters } }));
  }

  /** @param cells with sightings */
  async putCells(appId: Buffer, cells: readonly SealedCell[]): Promise<void> {
    const rows = cells.map(({ event, day, sealed: { users, quarters } }) => [
      ...[appId, event, day, newVersion()],
      ...[users, quarters],
    ]);
    await insertRows(this.manager, PUT_CELLS, rows);
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
    else await this.manager.query(PUT_SEALED, [...key(cell), newVersion(), users, quarters]);
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

function batchValues({ event, day, batchId }: BatchKey): [Buffer, number, Buffer] {
  return [event, day, batchId];
}

function newVersion(): bigint {
  return randomBytes(8).readBigUInt64BE();
}
