import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Retention per app, and the tombstones by which workers skip what was received before an erasure. */
export class Privacy1764200000000 implements MigrationInterface {
  readonly name = 'Privacy1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE apps
      ADD COLUMN deleted_before DATETIME(3) NULL,
      ADD COLUMN retention_rollups VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'keep'`);
    await runner.query(`CREATE TABLE erasures (
      id BINARY(16) NOT NULL,
      app_id BINARY(16) NOT NULL,
      owner_id BINARY(16) NOT NULL,
      subject VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      user_value VARBINARY(512) NULL,
      requested_at DATETIME(3) NOT NULL,
      stage VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      events_erased BIGINT UNSIGNED NOT NULL DEFAULT 0,
      redis_file VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
      finished_at DATETIME(3) NULL,
      PRIMARY KEY (id),
      KEY erasures_open (finished_at, app_id),
      KEY erasures_owner (owner_id)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE erasures');
    await runner.query('ALTER TABLE apps DROP COLUMN deleted_before, DROP COLUMN retention_rollups');
  }
}
