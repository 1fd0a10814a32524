import type { MigrationInterface, QueryRunner } from 'typeorm';
import { roaringNumbers } from './roaring-bitmap.js';

const OPTIONS = 'ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
/** A batch of its own for what was counted before: no ledger row has this id. */
const BEFORE = `X'00000000000000000000000000000000'`;
const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `SELECT ${n} AS n`).join(' UNION ALL ');
/** Every quarter-hour of a day, joined to the rows in which its bit is set. */
const EACH_QUARTER = `FROM event_users_by_row u JOIN (
  SELECT tens.n * 10 + ones.n AS q FROM (${TEN}) tens JOIN (${TEN}) ones WHERE tens.n * 10 + ones.n < 96
) quarters ON (q < 48 AND (u.seen0 >> q) & 1 = 1) OR (q >= 48 AND (u.seen1 >> (q - 48)) & 1 = 1)`;

/**
 * Distinct users as bitmaps: a chunk adds one row a cell (event_user_batches), and a job seals these into one row a cell
 * and UTC day (event_users), where a user is a number of its owner's (user_numbers). Counts also by day.
 */
export class SealedUsers1764300000000 implements MigrationInterface {
  readonly name = 'SealedUsers1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('RENAME TABLE event_users TO event_users_by_row');
    await runner.query(`CREATE TABLE event_users (
      app_id BINARY(16) NOT NULL,
      event VARBINARY(512) NOT NULL,
      day INT UNSIGNED NOT NULL,
      version BIGINT UNSIGNED NOT NULL,
      users LONGBLOB NOT NULL,
      quarters LONGBLOB NOT NULL,
      PRIMARY KEY (app_id, event, day)
    ) ${OPTIONS}`);
    await runner.query(`CREATE TABLE event_user_batches (
      app_id BINARY(16) NOT NULL,
      event VARBINARY(512) NOT NULL,
      day INT UNSIGNED NOT NULL,
      batch_id BINARY(16) NOT NULL,
      seen MEDIUMBLOB NOT NULL,
      PRIMARY KEY (app_id, event, day, batch_id)
    ) ${OPTIONS}`);
    await runner.query(`CREATE TABLE user_numbers (
      owner_id BINARY(16) NOT NULL,
      user_key BINARY(16) NOT NULL,
      number INT UNSIGNED NOT NULL,
      PRIMARY KEY (owner_id, user_key),
      UNIQUE KEY user_numbers_number (owner_id, number)
    ) ${OPTIONS}`);
    await runner.query(`CREATE TABLE user_number_counters (
      owner_id BINARY(16) NOT NULL,
      next_number INT UNSIGNED NOT NULL,
      PRIMARY KEY (owner_id)
    ) ${OPTIONS}`);
    await runner.query(`CREATE TABLE event_summary_days (
      app_id BINARY(16) NOT NULL,
      event VARBINARY(512) NOT NULL,
      day INT UNSIGNED NOT NULL,
      device VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      n BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (app_id, event, day, device)
    ) ${OPTIONS}`);
    await runner.query(`INSERT INTO event_summary_days
      SELECT app_id, event, quarter DIV 96, device, SUM(n) FROM event_summary GROUP BY app_id, event, quarter DIV 96, device`);
    await runner.query('SET SESSION group_concat_max_len = 16777215');
    await runner.query(`INSERT INTO event_user_batches
      SELECT u.app_id, u.event, u.day, ${BEFORE},
        GROUP_CONCAT(CONCAT(u.user_key, UNHEX(LPAD(HEX(q), 2, '0'))) SEPARATOR '')
      ${EACH_QUARTER} GROUP BY u.app_id, u.event, u.day`);
    await runner.query('DROP TABLE event_users_by_row');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE event_users_by_row (
      app_id BINARY(16) NOT NULL,
      event VARBINARY(512) NOT NULL,
      day INT UNSIGNED NOT NULL,
      user_key BINARY(16) NOT NULL,
      seen0 BIGINT UNSIGNED NOT NULL,
      seen1 BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (app_id, event, day, user_key)
    ) ${OPTIONS}`);
    await this.unseal(runner);
    await runner.query('DROP TABLE event_users');
    await runner.query('RENAME TABLE event_users_by_row TO event_users');
    for (const table of ['event_user_batches', 'user_numbers', 'user_number_counters', 'event_summary_days']) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }

  /** Rows again, cell by cell. */
  private async unseal(runner: QueryRunner): Promise<void> {
    type Cell = { app_id: Buffer; event: Buffer; day: number };
    const cells: Cell[] = await runner.query(
      'SELECT app_id, event, day FROM event_users UNION SELECT app_id, event, day FROM event_user_batches',
    );
    const keys = new Map<string, ReadonlyMap<number, string>>();
    for (const { app_id: app, event, day } of cells) {
      const cell = [app, event, day];
      const seen = new Map<string, [bigint, bigint]>();
      const see = (key: string, quarter: number): void => {
        const bits = seen.get(key) ?? [0n, 0n];
        bits[quarter < 48 ? 0 : 1] |= 1n << BigInt(quarter % 48);
        seen.set(key, bits);
      };
      const [sealed] = await runner.query(
        'SELECT users, quarters FROM event_users WHERE app_id = ? AND event = ? AND day = ?',
        cell,
      );
      const sightings = sealed ? sealedSightings(sealed) : [];
      const keyOf = keys.get(app.toString('hex')) ?? (await userKeys(runner, app));
      keys.set(app.toString('hex'), keyOf);
      for (const [number, quarter] of sightings) see(keyOf.get(number)!, quarter);
      const batches: { seen: Buffer }[] = await runner.query(
        'SELECT seen FROM event_user_batches WHERE app_id = ? AND event = ? AND day = ?',
        cell,
      );
      for (const batch of batches) {
        for (const [key, quarter] of batchSightings(batch.seen)) see(key, quarter);
      }
      const rows = [...seen].map(([key, [seen0, seen1]]) => [app, event, day, Buffer.from(key, 'hex'), seen0, seen1]);
      if (rows.length > 0) await runner.query('INSERT INTO event_users_by_row VALUES ?', [rows]);
    }
  }
}

/** @returns user keys by the number that they have with the app's owner */
async function userKeys(runner: QueryRunner, app: Buffer): Promise<ReadonlyMap<number, string>> {
  const rows: { number: number | string; user_key: Buffer }[] = await runner.query(
    'SELECT number, user_key FROM user_numbers WHERE owner_id = (SELECT owner_id FROM apps WHERE id = ?)',
    [app],
  );
  return new Map(rows.map((row) => [Number(row.number), row.user_key.toString('hex')]));
}

// How this migration's tables hold sightings. It is a copy of what the code had then: a later format must not change it.

const USER_KEY_BYTES = 16;
const LAST_OF_USER = 0x80;

/** @returns number of the user and quarter-hour of each sighting in a row of event_users */
function sealedSightings({
  users,
  quarters,
}: {
  users: Buffer;
  quarters: Buffer;
}): [number: number, quarter: number][] {
  const numbers = roaringNumbers(users);
  let user = 0;
  return [...quarters].map((byte) => {
    const number = numbers[user]!;
    if (byte & LAST_OF_USER) user += 1;
    return [number, byte & ~LAST_OF_USER];
  });
}

/** @returns user key (32 hex digits) and quarter-hour of each sighting in a row of event_user_batches */
function batchSightings(seen: Buffer): [userKey: string, quarter: number][] {
  const sightings: [string, number][] = [];
  for (let at = 0; at < seen.length; at += USER_KEY_BYTES + 1) {
    sightings.push([seen.toString('hex', at, at + USER_KEY_BYTES), seen[at + USER_KEY_BYTES]!]);
  }
  return sightings;
}
