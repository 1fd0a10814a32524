import { Repository } from 'typeorm';
import type { ReadModelState } from '../../database/entities/index.js';
import { nonEmpty } from '../../database/binary.js';
import type { SealedCell } from './old-sightings.js';

const STATE = `SELECT old_user_tables AS stage, enabled = 1 AND complete_at IS NOT NULL AS complete,
  EXISTS (SELECT 1 FROM archive_outbox) AS waiting FROM read_model WHERE id = 1`;
const ENTER = 'UPDATE read_model SET old_user_tables = ? WHERE id = 1';
const APPS = `SELECT id AS appId, owner_id AS ownerId, deleted_before AS deletedBefore, retention_rollups AS rollups FROM apps
WHERE deleted_before IS NOT NULL AND deleted_at IS NULL ORDER BY id`;
/** The lock keeps the app from being erased meanwhile. */
const KEPT_APP = 'SELECT 1 FROM apps WHERE id = ? AND deleted_at IS NULL LOCK IN SHARE MODE';
const CELLS = `SELECT event, day FROM event_users WHERE app_id = ? AND event > '' AND day BETWEEN ? AND ?
AND (event > ? OR event = ? AND day > ?) ORDER BY event, day LIMIT ?`;
const SEALED = 'SELECT users, quarters FROM event_users WHERE app_id = ? AND event = ? AND day = ? LOCK IN SHARE MODE';
/** The lock orders this before or after the erasure of a person, which deletes the number first and the archived rows then. */
const KEYS = `SELECT number, user_key AS userKey FROM user_numbers WHERE owner_id = ? AND number IN (?) LOCK IN SHARE MODE`;
const BATCHES = `SELECT event, day, batch_id AS batchId, seen FROM event_user_batches
WHERE app_id = ? AND event > '' AND day BETWEEN ? AND ? AND (event > ? OR event = ? AND (day > ? OR day = ? AND batch_id > ?))
ORDER BY event, day, batch_id LIMIT ? LOCK IN SHARE MODE`;

const FORGET_NUMBERS = 'DELETE FROM user_numbers WHERE owner_id = ? AND user_key IN (?)';
/** Events and the archive hold all that these rows hold. */
const DELETE_BATCHES = 'DELETE FROM event_user_batches WHERE app_id = ? LIMIT ?';
const DELETE_OF_APP = [
  DELETE_BATCHES,
  'DELETE FROM event_users WHERE app_id = ? ORDER BY event, day LIMIT ?',
  'DELETE FROM event_summary_days WHERE app_id = ? ORDER BY event, day, device LIMIT ?',
];
const TABLES = ['event_users', 'event_user_batches', 'event_summary_days', 'user_numbers', 'user_number_counters'];

const KEYS_AT_ONCE = 5000;

/** An app some of whose events have expired. */
export interface ExpiredApp {
  appId: Buffer;
  ownerId: Buffer;
  deletedBefore: Date;
  rollups: 'keep' | 'drop';
}

/** Days since 1970 UTC, both included. */
export interface Days {
  first: number;
  last: number;
}

/** One day of one event in one app. */
export interface Cell {
  event: Buffer;
  day: number;
}

/** A row of `event_user_batches`. */
export interface Batch extends Cell {
  batchId: Buffer;
  seen: Buffer;
}

/** Owns the SQL of the tables in which releases up to 0.2 kept distinct users. */
export class OldUserTablesRepository extends Repository<ReadModelState> {
  /** @returns `stage`: one of OLD_USER_TABLES; `isCopied`: whether ClickHouse has every event, and all that is archived */
  async state(): Promise<{ stage: number; isCopied: boolean }> {
    const [row]: { stage: number | string; complete: number | string; waiting: number | string }[] =
      await this.manager.query(STATE);
    return { stage: Number(row!.stage), isCopied: Number(row!.complete) === 1 && Number(row!.waiting) === 0 };
  }

  async enter(stage: number): Promise<void> {
    await this.manager.query(ENTER, [stage]);
  }

  expiredApps(): Promise<ExpiredApp[]> {
    return this.manager.query(APPS);
  }

  /** Whether the app is not being erased. It stays so until the transaction ends. */
  async isKept(appId: Buffer): Promise<boolean> {
    const rows: unknown[] = await this.manager.query(KEPT_APP, [appId]);
    return rows.length > 0;
  }

  /** Sealed cells of events, each name by itself, in the order of their keys. @param after the last one of the page before */
  async cells(appId: Buffer, { first, last }: Days, after: Cell | undefined, limit: number): Promise<Cell[]> {
    const { event, day } = after ?? { event: Buffer.alloc(0), day: 0 };
    const rows: { event: Buffer; day: number | string }[] = await this.manager.query(CELLS, [
      ...[appId, first, last, event, event, day, limit],
    ]);
    return rows.map((row) => ({ event: row.event, day: Number(row.day) }));
  }

  async sealed(appId: Buffer, { event, day }: Cell): Promise<SealedCell | undefined> {
    const [row]: SealedCell[] = await this.manager.query(SEALED, [appId, event, day]);
    return row;
  }

  /** @returns user keys by number; without people who were erased */
  async userKeys(ownerId: Buffer, numbers: readonly number[]): Promise<Map<number, Buffer>> {
    const keys = new Map<number, Buffer>();
    for (let at = 0; at < numbers.length; at += KEYS_AT_ONCE) {
      const rows: { number: number | string; userKey: Buffer }[] = await this.manager.query(KEYS, [
        ...[ownerId, nonEmpty(numbers.slice(at, at + KEYS_AT_ONCE))],
      ]);
      for (const { number, userKey } of rows) keys.set(Number(number), userKey);
    }
    return keys;
  }

  /** Batches of events that were not sealed, in the order of their keys. @param after the last one of the page before */
  async batches(appId: Buffer, { first, last }: Days, after: Batch | undefined, limit: number): Promise<Batch[]> {
    const { event, day, batchId } = after ?? { event: Buffer.alloc(0), day: 0, batchId: Buffer.alloc(0) };
    const rows: (Batch & { day: number | string })[] = await this.manager.query(BATCHES, [
      ...[appId, first, last, event, event, day, day, batchId, limit],
    ]);
    return rows.map((row) => ({ ...row, day: Number(row.day) }));
  }

  /** Removes people: a number without its key names nobody. @param userKeys at least one @returns whether there is more */
  async forgetPeople(appId: Buffer, ownerId: Buffer, userKeys: readonly Buffer[], limit: number): Promise<boolean> {
    await this.manager.query(FORGET_NUMBERS, [ownerId, nonEmpty(userKeys)]);
    const { affectedRows }: { affectedRows: number } = await this.manager.query(DELETE_BATCHES, [appId, limit]);
    return affectedRows === limit;
  }

  /** Deletes a piece of an app's rows. @returns whether there is more */
  async forgetApp(appId: Buffer, limit: number): Promise<boolean> {
    for (const sql of DELETE_OF_APP) {
      const { affectedRows }: { affectedRows: number } = await this.manager.query(sql, [appId, limit]);
      if (affectedRows === limit) return true;
    }
    return false;
  }

  async drop(): Promise<void> {
    for (const table of TABLES) await this.manager.query(`DROP TABLE IF EXISTS ${table}`);
  }
}
