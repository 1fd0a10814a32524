import type { MigrationInterface, QueryRunner } from 'typeorm';

const OPTIONS = 'ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

/** The tables that the archive and the copy in ClickHouse take the place of, as they were. */
const OLD_TABLES: readonly [name: string, columns: string][] = [
  [
    'event_users',
    `app_id BINARY(16) NOT NULL, event VARBINARY(512) NOT NULL, day INT UNSIGNED NOT NULL, version BIGINT UNSIGNED NOT NULL,
    users LONGBLOB NOT NULL, quarters LONGBLOB NOT NULL, PRIMARY KEY (app_id, event, day)`,
  ],
  [
    'event_user_batches',
    `app_id BINARY(16) NOT NULL, event VARBINARY(512) NOT NULL, day INT UNSIGNED NOT NULL, batch_id BINARY(16) NOT NULL,
    seen MEDIUMBLOB NOT NULL, PRIMARY KEY (app_id, event, day, batch_id)`,
  ],
  [
    'user_numbers',
    `owner_id BINARY(16) NOT NULL, user_key BINARY(16) NOT NULL, number INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, user_key), UNIQUE KEY user_numbers_number (owner_id, number)`,
  ],
  ['user_number_counters', 'owner_id BINARY(16) NOT NULL, next_number INT UNSIGNED NOT NULL, PRIMARY KEY (owner_id)'],
  [
    'event_summary_days',
    `app_id BINARY(16) NOT NULL, event VARBINARY(512) NOT NULL, day INT UNSIGNED NOT NULL,
    device VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, n BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (app_id, event, day, device)`,
  ],
];

/**
 * Distinct users of days whose events have expired: one row a user, event and UTC day, with a bit for each quarter-hour in which
 * they were seen. `archive_outbox` names the days that are not yet copied into ClickHouse.
 *
 * Take a backup of the database first. Where it holds anything, a worker fills the archive from the earlier tables (event_users,
 * event_user_batches and user_numbers), and answers come from MySQL until the copy was compared again.
 */
export class ArchivedUsers1765000000000 implements MigrationInterface {
  readonly name = 'ArchivedUsers1765000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE archived_users (
      app_id BINARY(16) NOT NULL,
      day INT UNSIGNED NOT NULL,
      event VARBINARY(512) NOT NULL,
      user_key BINARY(16) NOT NULL,
      quarters0 BIGINT UNSIGNED NOT NULL,
      quarters1 BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (app_id, day, event, user_key),
      KEY archived_users_user (app_id, user_key)
    ) ${OPTIONS}`);
    await runner.query(`CREATE TABLE archive_outbox (
      app_id BINARY(16) NOT NULL,
      day INT UNSIGNED NOT NULL,
      version BIGINT UNSIGNED NOT NULL,
      archived_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      PRIMARY KEY (app_id, day),
      KEY archive_outbox_age (archived_at)
    ) ${OPTIONS}`);
    await runner.query('ALTER TABLE read_model ADD COLUMN old_user_tables TINYINT UNSIGNED NOT NULL DEFAULT 0');
    const [old]: { isFilled: number | string }[] = await runner.query(
      'SELECT EXISTS (SELECT 1 FROM event_users) OR EXISTS (SELECT 1 FROM event_user_batches) AS isFilled',
    );
    if (Number(old!.isFilled) === 1) {
      await runner.query('UPDATE read_model SET complete_at = NULL, old_user_tables = 1');
      return;
    }
    for (const [table] of OLD_TABLES) await runner.query(`DROP TABLE ${table}`);
  }

  /** Who was seen is not counted back: restore the backup for that. */
  async down(runner: QueryRunner): Promise<void> {
    for (const [table, columns] of OLD_TABLES)
      await runner.query(`CREATE TABLE IF NOT EXISTS ${table} (${columns}) ${OPTIONS}`);
    await runner.query('ALTER TABLE read_model DROP COLUMN old_user_tables');
    await runner.query('DROP TABLE archive_outbox');
    await runner.query('DROP TABLE archived_users');
  }
}
