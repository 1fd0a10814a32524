import { createHash } from 'node:crypto';
import { Repository } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import type { OutboxBatch } from '../../database/entities/index.js';
import { type EventKey, packEventIds } from './event-ids.js';

/** Waits for whoever switches the read model on or off; each later commit obeys the new setting. */
const ADD = `INSERT INTO outbox (batch_id, group_id, committed_at, oldest_receipt, bytes, event_ids)
SELECT ?, NULL, NOW(3), ?, ?, ? FROM read_model WHERE id = 1 AND enabled = 1 LOCK IN SHARE MODE`;

const FIX_GROUP = 'UPDATE outbox SET group_id = ? WHERE batch_id IN (?) AND group_id IS NULL';
/** Only where copies still go where they went when this one was sent. */
const COMPLETE = `DELETE FROM outbox WHERE batch_id IN (?) AND group_id = ?
AND EXISTS (SELECT 1 FROM read_model WHERE id = 1 AND generation = ?)`;
const RECOVERED_LATELY = `SELECT 1 FROM recovered_batches WHERE recovered_at > NOW(3) - INTERVAL ? SECOND LIMIT 1`;

/** By MySQL's clock, so that workers with wrong clocks agree on what was left. */
const LEFT_ALONE = `SELECT batch_id AS batchId, bytes FROM outbox
WHERE group_id IS NULL AND committed_at <= NOW(3) - INTERVAL ? SECOND
ORDER BY committed_at LIMIT ? FOR UPDATE SKIP LOCKED`;
const LEFT_IN_GROUP = `SELECT group_id AS groupId FROM outbox
WHERE group_id IS NOT NULL AND committed_at <= NOW(3) - INTERVAL ? SECOND
ORDER BY committed_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
const OF_GROUP = `SELECT batch_id AS batchId, event_ids AS eventIds FROM outbox WHERE group_id = ? ORDER BY batch_id FOR UPDATE`;
const COUNT_LEFT = 'SELECT COUNT(*) AS n FROM outbox WHERE batch_id IN (?)';
const OLDEST_COMMIT = 'SELECT MIN(committed_at) AS oldest FROM outbox';
const NOTE_RECOVERED = `INSERT INTO recovered_batches (batch_id, recovered_at, looks) SELECT batch_id, NOW(3), 0 FROM outbox
WHERE batch_id IN (?) ON DUPLICATE KEY UPDATE recovered_at = NOW(3), looks = 0`;
const TO_LOOK_AT = `SELECT batch_id AS batchId, looks FROM recovered_batches
WHERE looks = ? AND recovered_at <= NOW(3) - INTERVAL ? SECOND ORDER BY recovered_at LIMIT ?`;
const LOOKED = 'UPDATE recovered_batches SET looks = looks + 1 WHERE batch_id IN (?)';
const FORGET_RECOVERED = 'DELETE FROM recovered_batches WHERE batch_id IN (?)';
const OLDEST = `SELECT MIN(oldest_receipt) AS oldest FROM outbox`;

/** Batches that are sent together, under one token. */
export interface OutboxGroup {
  /** 32 hex digits. */
  id: string;
  /** Batch ids, sorted; 32 hex digits each. */
  batchIds: string[];
}

/** A batch that was left in the outbox. */
export interface LeftBatch {
  batchId: string;
  eventIds: Buffer;
}

/** A group's name follows from its batches: whoever sends it again sends it under the same token. */
export function groupOf(batchIds: readonly string[]): OutboxGroup {
  const sorted = [...batchIds].sort();
  const id = createHash('sha256').update(sorted.join()).digest('hex').slice(0, 32);
  return { id, batchIds: sorted };
}

/** Owns the SQL of the outbox. Use through `manager.withRepository()` in a transaction. */
export class OutboxRepository extends Repository<OutboxBatch> {
  /**
   * Notes a batch in its own transaction.
   * @param events sorted by app @param oldestReceipt DATETIME(3), UTC @param bytes about what they take when they are sent
   * @returns rows that were written: 0 where there is no read model
   */
  async add(batchId: string, events: readonly EventKey[], oldestReceipt: string, bytes: number): Promise<number> {
    if (events.length === 0) return 0;
    const values = [binary(batchId), oldestReceipt, bytes, packEventIds(events)];
    const { affectedRows }: { affectedRows: number } = await this.manager.query(ADD, values);
    return affectedRows;
  }

  /** @returns how many of the batches had no group until now */
  async fixGroup({ id, batchIds }: OutboxGroup): Promise<number> {
    const { affectedRows }: { affectedRows: number } = await this.manager.query(FIX_GROUP, [
      binary(id),
      binaries(batchIds),
    ]);
    return affectedRows;
  }

  /**
   * Takes out a group that is copied.
   * @param generation as of before it was sent @returns how many of its batches were still there; 0 of another generation
   */
  async complete({ id, batchIds }: OutboxGroup, generation: number): Promise<number> {
    const { affectedRows }: { affectedRows: number } = await this.manager.query(COMPLETE, [
      binaries(batchIds),
      binary(id),
      generation,
    ]);
    return affectedRows;
  }

  /** Locks batches without a group that nobody holds. @param ageS seconds since their commit, at least */
  async leftAlone(ageS: number, limit: number): Promise<{ batchId: string; bytes: number }[]> {
    const rows: { batchId: Buffer; bytes: number | string }[] = await this.manager.query(LEFT_ALONE, [ageS, limit]);
    return rows.map(({ batchId, bytes }) => ({ batchId: batchId.toString('hex'), bytes: Number(bytes) }));
  }

  /** Locks a group that nobody holds. @param ageS seconds since its first commit, at least */
  async leftGroup(ageS: number): Promise<{ id: string; batches: LeftBatch[] } | undefined> {
    const [row]: { groupId: Buffer }[] = await this.manager.query(LEFT_IN_GROUP, [ageS]);
    if (!row) return undefined;
    const batches: { batchId: Buffer; eventIds: Buffer }[] = await this.manager.query(OF_GROUP, [row.groupId]);
    return {
      id: row.groupId.toString('hex'),
      batches: batches.map(({ batchId, eventIds }) => ({ batchId: batchId.toString('hex'), eventIds })),
    };
  }

  /** How many of the batches are in the outbox. */
  async countLeft(batchIds: readonly string[]): Promise<number> {
    const [row]: { n: string }[] = await this.manager.query(COUNT_LEFT, [binaries(batchIds)]);
    return Number(row!.n);
  }

  /** When the oldest batch that is not copied yet was committed, by MySQL's clock; undefined: all are copied. */
  async oldestCommit(): Promise<Date | undefined> {
    const [row]: { oldest: Date | null }[] = await this.manager.query(OLDEST_COMMIT);
    return row?.oldest ?? undefined;
  }

  /** Notes that somebody else copied these batches than who committed them. Before {@link complete}. */
  async noteRecovered(batchIds: readonly string[]): Promise<void> {
    await this.manager.query(NOTE_RECOVERED, [binaries(batchIds)]);
  }

  /** Whether a batch was recovered within these seconds: what its first sender sent may arrive yet. */
  async recoveredLately(seconds: number): Promise<boolean> {
    const rows: unknown[] = await this.manager.query(RECOVERED_LATELY, [seconds]);
    return rows.length > 0;
  }

  /** Recovered batches that were looked at so many times. @param ageS seconds since they were recovered, at least */
  async recovered(looks: number, ageS: number, limit: number): Promise<string[]> {
    const rows: { batchId: Buffer }[] = await this.manager.query(TO_LOOK_AT, [looks, ageS, limit]);
    return rows.map(({ batchId }) => batchId.toString('hex'));
  }

  /** @param last whether they need not be looked at again */
  async noteLooked(batchIds: readonly string[], last: boolean): Promise<void> {
    await this.manager.query(last ? FORGET_RECOVERED : LOOKED, [binaries(batchIds)]);
  }

  /** When the oldest event that is not copied yet was received; undefined: all are copied. */
  async oldestReceipt(): Promise<Date | undefined> {
    const [row]: { oldest: Date | null }[] = await this.manager.query(OLDEST);
    return row?.oldest ?? undefined;
  }
}
