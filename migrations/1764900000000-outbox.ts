import type { MigrationInterface, QueryRunner } from 'typeorm';

const OPTIONS = 'ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

/**
 * What is committed and not yet copied into the read model. The ledger's new column has no default on purpose: a worker of an
 * earlier release, which writes no outbox, cannot commit any more.
 */
export class Outbox1764900000000 implements MigrationInterface {
  readonly name = 'Outbox1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE outbox (
      batch_id BINARY(16) NOT NULL,
      group_id BINARY(16) NULL,
      committed_at DATETIME(3) NOT NULL,
      oldest_receipt DATETIME(3) NOT NULL,
      bytes INT UNSIGNED NOT NULL,
      event_ids MEDIUMBLOB NOT NULL,
      PRIMARY KEY (batch_id),
      KEY outbox_group (group_id, batch_id),
      KEY outbox_committed (committed_at)
    ) ${OPTIONS}`);
    await runner.query(`CREATE TABLE read_model (
      id TINYINT UNSIGNED NOT NULL,
      enabled TINYINT UNSIGNED NOT NULL,
      complete_at DATETIME(3) NULL,
      rebuild_ordered TINYINT UNSIGNED NOT NULL DEFAULT 0,
      filled_app BINARY(16) NULL,
      filled_id BINARY(16) NULL,
      filled BIGINT UNSIGNED NOT NULL DEFAULT 0,
      PRIMARY KEY (id)
    ) ${OPTIONS}`);
    await runner.query('INSERT INTO read_model (id, enabled) VALUES (1, 0)');
    await runner.query('ALTER TABLE ingest_batches ADD COLUMN outbox_rows TINYINT UNSIGNED NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE ingest_batches DROP COLUMN outbox_rows');
    await runner.query('DROP TABLE read_model');
    await runner.query('DROP TABLE outbox');
  }
}
