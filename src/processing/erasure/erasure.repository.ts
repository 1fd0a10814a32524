import { Repository } from 'typeorm';
import type { Erasure, ErasureStage, ErasureSubject, RedisFile } from '../../database/entities/index.js';
import { binaries, binary, nonEmpty } from '../../database/binary.js';
import { sqlTime } from '../repositories/bulk.js';

const MYSQL_STAGES = "finished_at IS NULL AND stage <> 'read-model'";
const ANY_OPEN = `SELECT 1 FROM erasures WHERE ${MYSQL_STAGES} LIMIT 1`;
/** Apps with rows to delete; the app whose order is oldest first. */
const APPS = `SELECT LOWER(HEX(owner_id)) AS ownerId, LOWER(HEX(app_id)) AS appId FROM erasures
WHERE finished_at IS NULL AND stage = 'rows' GROUP BY owner_id, app_id ORDER BY MIN(requested_at), app_id`;
const COLUMNS = `LOWER(HEX(id)) AS id, LOWER(HEX(app_id)) AS appId, LOWER(HEX(owner_id)) AS ownerId,
  subject, user_value AS userValue, requested_at AS requestedAt, stage`;
/** The app itself before its people, then the oldest first. */
const OF_APP = `SELECT ${COLUMNS} FROM erasures
WHERE finished_at IS NULL AND app_id = ? AND stage = 'rows' ORDER BY subject, requested_at, id LIMIT 1000`;
const ROWS_DELETED = `${MYSQL_STAGES} AND stage <> 'rows' AND requested_at <= ?`;
const OWNERS = `SELECT DISTINCT LOWER(HEX(owner_id)) AS ownerId FROM erasures WHERE ${ROWS_DELETED}`;
const OF_OWNER = `SELECT ${COLUMNS} FROM erasures WHERE ${ROWS_DELETED} AND owner_id = ? ORDER BY requested_at, id LIMIT 1000`;
const ADD = 'UPDATE erasures SET events_erased = events_erased + ? WHERE id = ?';
/** An order that was given again meanwhile begins anew. */
const STAGE = 'UPDATE erasures SET stage = ? WHERE id = ? AND requested_at = ?';
/** An order that was given again meanwhile has a later time, and begins anew. */
const DONE = `UPDATE erasures SET stage = 'done', redis_file = ?, user_value = NULL, finished_at = ?
WHERE id IN (?) AND stage <> 'rows' AND requested_at <= ?`;

const HAS_READ_MODEL = 'SELECT enabled FROM read_model WHERE id = 1';
const ENTER_READ_MODEL = `UPDATE erasures SET stage = 'read-model', redis_file = ?
WHERE id IN (?) AND stage <> 'rows' AND requested_at <= ?`;
const IN_READ_MODEL = `SELECT ${COLUMNS} FROM erasures
WHERE finished_at IS NULL AND stage = 'read-model' ORDER BY requested_at, id LIMIT ?`;
/** Not those that were given again meanwhile. */
const DONE_IN_READ_MODEL = `UPDATE erasures SET stage = 'done', user_value = NULL, finished_at = ?
WHERE stage = 'read-model' AND (id, requested_at) IN (?)`;

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

type ErasureRow = Omit<OpenErasure, 'userValue'> & { userValue: Buffer | null };

/** Owns the SQL by which erasures go from stage to stage. */
export class ErasureRepository extends Repository<Erasure> {
  /** Whether there is one with anything left to do outside the read model. */
  async anyOpen(): Promise<boolean> {
    const rows: unknown[] = await this.manager.query(ANY_OPEN);
    return rows.length > 0;
  }

  /** Apps that have orders whose rows are not deleted yet. */
  appsWithRows(): Promise<{ ownerId: string; appId: string }[]> {
    return this.manager.query(APPS);
  }

  /** Orders of an app whose rows are not deleted yet: the app itself first, then the oldest, at most 1,000. */
  async withRows(appId: string): Promise<OpenErasure[]> {
    return read(await this.manager.query(OF_APP, [binary(appId)]));
  }

  /** Accounts with orders given until a moment (ms) whose rows are deleted. @returns 32 hex digits each */
  async ownersWithRowsDeleted(requestedUntil: number): Promise<string[]> {
    const rows: { ownerId: string }[] = await this.manager.query(OWNERS, [sqlTime(requestedUntil)]);
    return rows.map(({ ownerId }) => ownerId);
  }

  /** Orders of an account given until a moment (ms) whose rows are deleted: the oldest first, at most 1,000. */
  async withRowsDeleted(ownerId: string, requestedUntil: number): Promise<OpenErasure[]> {
    return read(await this.manager.query(OF_OWNER, [sqlTime(requestedUntil), binary(ownerId)]));
  }

  async add(id: string, events: number): Promise<void> {
    await this.manager.query(ADD, [events, binary(id)]);
  }

  async enter({ id, requestedAt }: OpenErasure, stage: ErasureStage): Promise<void> {
    await this.manager.query(STAGE, [stage, binary(id), sqlTime(requestedAt.getTime())]);
  }

  /**
   * The tombstones go: only that there were erasures remains.
   * @param ids 32 hex digits each, not empty
   * @param requestedUntil ms: orders given again later stay open
   */
  async finish(ids: readonly string[], redisFile: RedisFile, requestedUntil: number, now: number): Promise<void> {
    await this.manager.query(DONE, [redisFile, sqlTime(now), binaries(ids), sqlTime(requestedUntil)]);
  }

  /** Whether committed events are copied into ClickHouse. */
  async hasReadModel(): Promise<boolean> {
    const [row]: { enabled: number | string }[] = await this.manager.query(HAS_READ_MODEL);
    return Number(row?.enabled) === 1;
  }

  /** All is done but for the read model. Parameters as of {@link finish}. */
  async enterReadModel(ids: readonly string[], redisFile: RedisFile, requestedUntil: number): Promise<void> {
    await this.manager.query(ENTER_READ_MODEL, [redisFile, binaries(ids), sqlTime(requestedUntil)]);
  }

  /** Orders that only the read model has not carried out, the oldest first. */
  async inReadModel(limit: number): Promise<OpenErasure[]> {
    return read(await this.manager.query(IN_READ_MODEL, [limit]));
  }

  /** The read model was the last stage: the tombstones go. @param orders not empty */
  async finishInReadModel(orders: readonly OpenErasure[], now: number): Promise<void> {
    const keys = orders.map(({ id, requestedAt }) => [binary(id), sqlTime(requestedAt.getTime())]);
    await this.manager.query(DONE_IN_READ_MODEL, [sqlTime(now), nonEmpty(keys)]);
  }
}

function read(rows: readonly ErasureRow[]): OpenErasure[] {
  return rows.map((row) => ({ ...row, userValue: row.userValue?.toString() }));
}
