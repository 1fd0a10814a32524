import { createHash } from 'node:crypto';
import { Repository } from 'typeorm';
import type { DeadLetter } from '../../database/entities/index.js';
import { uuidV7 } from '../../events/event-id.js';
import type { Refused } from '../chunk.js';
import { binaries, binary } from '../../database/binary.js';
import { insertRows, sqlTime } from './bulk.js';

const INSERT = `INSERT INTO dead_letters
  (id, content_hash, app_id, stored_id, code, reason, envelope, batch_id, created_at)
VALUES ? ON DUPLICATE KEY UPDATE id = id`;

const LOCK = 'SELECT LOWER(HEX(id)) AS id FROM dead_letters WHERE id IN (?) ORDER BY id FOR UPDATE';
const REMOVE = 'DELETE FROM dead_letters WHERE id IN (?)';

const REASON_MAX_BYTES = 2000;

/** Owns the SQL by which entries are put among the dead letters. */
export class DeadLetterRepository extends Repository<DeadLetter> {
  /**
   * Takes letters away whose entries are tried again in this transaction.
   * @returns the ids of those that were there; the others were replayed or erased meanwhile
   */
  async take(ids: readonly string[]): Promise<Set<string>> {
    const rows: { id: string }[] = await this.manager.query(LOCK, [binaries(ids)]);
    if (rows.length > 0) await this.manager.query(REMOVE, [binaries(rows.map((row) => row.id))]);
    return new Set(rows.map((row) => row.id));
  }

  /** The same entry sent twice is one dead letter. */
  async put(refused: readonly Refused[], batchId: string, now: number): Promise<void> {
    const rows = refused.map((entry) => [
      binary(uuidV7(now)),
      contentHash(entry),
      entry.appId ? binary(entry.appId) : null,
      storedId(entry),
      entry.code,
      Buffer.from(entry.reason).subarray(0, REASON_MAX_BYTES),
      Buffer.from(entry.text),
      binary(batchId),
      sqlTime(now),
    ]);
    rows.sort((a, b) => Buffer.compare(a[1] as Buffer, b[1] as Buffer));
    await insertRows(this.manager, INSERT, rows);
  }
}

function storedId({ event, storedId: id }: Refused): Buffer | null {
  const read = event?.id ?? id;
  return read === undefined ? null : binary(read);
}

/**
 * Over (code, app, id, payload) where the event could be read, so that a retry, received at another time, is the same
 * dead letter; else over the entry itself.
 */
function contentHash({ code, event, text }: Refused): Buffer {
  const content = event ? [code, event.appId, event.id, event.payloadHash].join('\0') : `${code}\0${text}`;
  return createHash('sha256').update(content).digest().subarray(0, 16);
}
