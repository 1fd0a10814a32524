import { Repository } from 'typeorm';
import type { Erasure, ErasureStage, ErasureSubject, RedisFile } from '../../database/entities/index.js';
import { binary } from '../../database/binary.js';
import { sqlTime } from '../repositories/bulk.js';

const OPEN = `SELECT LOWER(HEX(e.id)) AS id, LOWER(HEX(e.app_id)) AS appId, LOWER(HEX(a.owner_id)) AS ownerId,
  e.subject, e.user_value AS userValue, e.requested_at AS requestedAt, e.stage
FROM erasures e JOIN apps a ON a.id = e.app_id
WHERE e.finished_at IS NULL ORDER BY e.requested_at, e.id LIMIT 1000`;
const ADD = 'UPDATE erasures SET events_erased = events_erased + ? WHERE id = ?';
/** An order that was given again meanwhile begins anew. */
const STAGE = 'UPDATE erasures SET stage = ? WHERE id = ? AND requested_at = ?';
const DONE = `UPDATE erasures SET stage = 'done', redis_file = ?, user_value = NULL, finished_at = ?
WHERE id = ? AND requested_at = ?`;

/** An erasure that is not done yet. */
export interface OpenErasure {
  /** 32 hex digits, as every id here. */
  id: string;
  appId: string;
  ownerId: string;
  subject: ErasureSubject;
  /** Undefined for an app. */
  userValue?: string;
  requestedAt: Date;
  stage: ErasureStage;
}

/** Owns the SQL by which erasures go from stage to stage. */
export class ErasureRepository extends Repository<Erasure> {
  /** Oldest first. */
  async open(): Promise<OpenErasure[]> {
    const rows: (Omit<OpenErasure, 'userValue'> & { userValue: Buffer | null })[] = await this.manager.query(OPEN);
    return rows.map((row) => ({ ...row, userValue: row.userValue?.toString() }));
  }

  async add(id: string, events: number): Promise<void> {
    await this.manager.query(ADD, [events, binary(id)]);
  }

  async enter({ id, requestedAt }: OpenErasure, stage: ErasureStage): Promise<void> {
    await this.manager.query(STAGE, [stage, binary(id), sqlTime(requestedAt.getTime())]);
  }

  /** The tombstone goes: only that there was an erasure remains. */
  async finish({ id, requestedAt }: OpenErasure, redisFile: RedisFile, now: number): Promise<void> {
    await this.manager.query(DONE, [redisFile, sqlTime(now), binary(id), sqlTime(requestedAt.getTime())]);
  }
}
