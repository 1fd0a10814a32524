import { Repository } from 'typeorm';
import type { IngestClaim } from '../../database/entities/index.js';
import { isDuplicateKey } from '../sql-errors.js';
import { binary } from '../../database/binary.js';
import { sqlTime } from './bulk.js';

const CURSOR = 'SELECT next_index AS next FROM ingest_claims WHERE claim_id = ?';
const BEGIN = 'INSERT INTO ingest_claims (claim_id, next_index, created_at) VALUES (?, ?, ?)';
const ADVANCE = 'UPDATE ingest_claims SET next_index = ? WHERE claim_id = ? AND next_index = ?';
const LEDGER = `INSERT INTO ingest_batches
  (batch_id, claim_id, first_index, received, inserted, duplicated, dead, erased, committed_at, outbox_rows)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** One committed transaction; received = inserted + duplicated + dead + erased. */
export interface LedgerRow {
  batchId: string;
  claimId: string;
  firstIndex: number;
  received: number;
  inserted: number;
  duplicated: number;
  dead: number;
  erased: number;
  committedAt: number;
  outboxRows: number;
}

/** Owns the cursor of each claim, which is the fence, and the ledger. */
export class ClaimRepository extends Repository<IngestClaim> {
  /** Index of the first entry that is not committed. */
  async cursor(claimId: string): Promise<number> {
    const [row]: { next: number }[] = await this.manager.query(CURSOR, [binary(claimId)]);
    return row ? Number(row.next) : 0;
  }

  /**
   * Moves the cursor, in the chunk's transaction and before all else: who comes second waits for the first to commit and
   * then finds no row.
   * @returns false when the cursor is not at `start` any more
   */
  async advance(claimId: string, start: number, end: number): Promise<boolean> {
    if (start > 0) {
      const moved: { affectedRows: number } = await this.manager.query(ADVANCE, [end, binary(claimId), start]);
      return moved.affectedRows === 1;
    }
    try {
      await this.manager.query(BEGIN, [binary(claimId), end, sqlTime(Date.now())]);
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  async enter(row: LedgerRow): Promise<void> {
    await this.manager.query(LEDGER, [
      binary(row.batchId),
      binary(row.claimId),
      row.firstIndex,
      row.received,
      row.inserted,
      row.duplicated,
      row.dead,
      row.erased,
      sqlTime(row.committedAt),
      row.outboxRows,
    ]);
  }
}
