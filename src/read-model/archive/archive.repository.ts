import { randomBytes } from 'node:crypto';
import { Repository } from 'typeorm';
import type { ArchivedUser } from '../../database/entities/index.js';
import { binary } from '../../database/binary.js';

const ADD = `INSERT INTO archived_users (app_id, day, event, user_key, quarters0, quarters1) VALUES ?
ON DUPLICATE KEY UPDATE quarters0 = quarters0 | VALUES(quarters0), quarters1 = quarters1 | VALUES(quarters1)`;
/** Keeps the time of the first change that was not copied: a copy that began then may have read a person who is now erased. */
const TO_COPY = `INSERT INTO archive_outbox (app_id, day, version) VALUES ?
ON DUPLICATE KEY UPDATE version = VALUES(version)`;
const NEXT_DAYS = `SELECT app_id AS appId, day, version FROM archive_outbox ORDER BY archived_at, app_id, day LIMIT ?`;
const COPIED = 'DELETE FROM archive_outbox WHERE app_id = ? AND day = ? AND version = ?';
const IS_WAITING = 'SELECT 1 FROM archive_outbox WHERE app_id = ? AND day = ?';
const OLDEST = 'SELECT MIN(archived_at) AS oldest FROM archive_outbox';
const OF_DAY = `SELECT event, user_key AS userKey, quarters0, quarters1 FROM archived_users
WHERE app_id = ? AND day = ? AND (event > ? OR event = ? AND user_key > ?) ORDER BY event, user_key LIMIT ?`;
const APPS = 'SELECT LOWER(HEX(app_id)) AS appId FROM archived_users GROUP BY app_id';
/** What {@link archiveSums} makes of ClickHouse's rows. */
const SUMS = `SELECT day, COUNT(*) AS users,
  SUM(CRC32(CONCAT(event, '/', LOWER(HEX(user_key)), '/', quarters0, '/', quarters1))) AS checksum
FROM archived_users WHERE app_id = ? GROUP BY day`;
const WAITING_DAYS = 'SELECT day FROM archive_outbox WHERE app_id = ?';
const OLD_TABLES = 'SELECT old_user_tables AS stage FROM read_model WHERE id = 1';

const ROWS_AT_ONCE = 5000;

/** A row of the archive. */
export interface ArchiveRow {
  appId: Buffer;
  /** Days since 1970 UTC. */
  day: number;
  event: Buffer;
  userKey: Buffer;
  /** Quarter-hours of each half of the day, a bit each. */
  quarters: readonly [number | string, number | string];
}

/** A day that is to be copied. */
export interface WaitingDay {
  appId: Buffer;
  day: number;
  version: string;
}

/** The number of archived users of a day, and a checksum over all their columns. */
export interface ArchiveSum {
  day: number;
  users: number;
  checksum: string;
}

/** Stages of the tables of distinct users that earlier releases kept, as MySQL's table `read_model` keeps them. */
export const OLD_USER_TABLES = {
  gone: 0,
  toArchive: 1,
  archived: 2,
} as const;

/** Owns the SQL of the archive of distinct users. Use through `manager.withRepository()` in a transaction. */
export class ArchiveRepository extends Repository<ArchivedUser> {
  /** Adds users and their quarter-hours. Call it in the transaction that deletes their events, if there is one. */
  async add(rows: readonly ArchiveRow[]): Promise<void> {
    const changed = new Map<string, [appId: Buffer, day: number]>();
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
      const page = rows.slice(at, at + ROWS_AT_ONCE);
      const values = page.map(({ appId, day, event, userKey, quarters }) => [appId, day, event, userKey, ...quarters]);
      const { affectedRows }: { affectedRows: number } = await this.manager.query(ADD, [values]);
      if (affectedRows === 0) continue;
      for (const { appId, day } of page) changed.set(`${appId.toString('hex')} ${day}`, [appId, day]);
    }
    await this.toCopy([...changed.values()]);
  }

  /** Orders days to be copied whole. */
  async toCopy(days: readonly (readonly [appId: Buffer, day: number])[]): Promise<void> {
    if (days.length === 0) return;
    await this.manager.query(TO_COPY, [days.map(([appId, day]) => [appId, day, randomVersion()])]);
  }

  /** Days to copy; the one that has waited longest comes first. */
  async nextDays(limit: number): Promise<WaitingDay[]> {
    const rows: { appId: Buffer; day: number | string; version: string }[] = await this.manager.query(NEXT_DAYS, [
      limit,
    ]);
    return rows.map(({ appId, day, version }) => ({ appId, day: Number(day), version }));
  }

  /** Notes that a day was copied as it was. @returns `changed`: it is to be copied again. `taken`: somebody else has copied it */
  async noteCopied({ appId, day, version }: WaitingDay): Promise<'copied' | 'changed' | 'taken'> {
    const { affectedRows }: { affectedRows: number } = await this.manager.query(COPIED, [appId, day, version]);
    if (affectedRows > 0) return 'copied';
    const rows: unknown[] = await this.manager.query(IS_WAITING, [appId, day]);
    return rows.length > 0 ? 'changed' : 'taken';
  }

  /** Since when the oldest day has waited for its copy, by MySQL's clock; undefined: every day is copied. */
  async oldest(): Promise<Date | undefined> {
    const [row]: { oldest: Date | null }[] = await this.manager.query(OLDEST);
    return row?.oldest ?? undefined;
  }

  /** The rows of a day, page by page. */
  async *ofDay(appId: Buffer, day: number): AsyncGenerator<ArchiveRow[]> {
    let [event, userKey]: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
    for (;;) {
      const found: { event: Buffer; userKey: Buffer; quarters0: string; quarters1: string }[] =
        await this.manager.query(OF_DAY, [appId, day, event, event, userKey, ROWS_AT_ONCE]);
      yield found.map((row) => ({ appId, day, ...row, quarters: [row.quarters0, row.quarters1] }));
      const last = found.at(-1);
      if (!last || found.length < ROWS_AT_ONCE) return;
      ({ event, userKey } = last);
    }
  }

  /** Apps that have archived users; 32 hex digits each. */
  async apps(): Promise<string[]> {
    const rows: { appId: string }[] = await this.manager.query(APPS);
    return rows.map(({ appId }) => appId);
  }

  /** @param appId 32 hex digits */
  async sums(appId: string): Promise<ArchiveSum[]> {
    const rows: { day: number | string; users: string; checksum: string }[] = await this.manager.query(SUMS, [
      binary(appId),
    ]);
    return rows.map(({ day, users, checksum }) => ({ day: Number(day), users: Number(users), checksum }));
  }

  /** Days of an app that are not copied yet. @param appId 32 hex digits */
  async waitingDays(appId: string): Promise<Set<number>> {
    const rows: { day: number | string }[] = await this.manager.query(WAITING_DAYS, [binary(appId)]);
    return new Set(rows.map(({ day }) => Number(day)));
  }

  /** @returns one of {@link OLD_USER_TABLES} */
  async oldUserTables(): Promise<number> {
    const [row]: { stage: number | string }[] = await this.manager.query(OLD_TABLES);
    return Number(row!.stage);
  }
}

/** A number of 63 bits, in digits. */
function randomVersion(): string {
  return (randomBytes(8).readBigUInt64BE() >> 1n).toString();
}
