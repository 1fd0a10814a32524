import type { MigrationInterface, QueryRunner } from 'typeorm';

const OPTIONS = 'ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

/**
 * Erasures have one stage more, `read-model`, and the read model remembers when expired events were deleted from it. Batches
 * that were recovered are looked at again.
 */
export class ErasureOfTheCopy1764910000000 implements MigrationInterface {
  readonly name = 'ErasureOfTheCopy1764910000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE erasures MODIFY stage VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL');
    await runner.query('ALTER TABLE read_model ADD COLUMN expired_at DATETIME(3) NULL');
    await runner.query(`CREATE TABLE recovered_batches (
      batch_id BINARY(16) NOT NULL,
      recovered_at DATETIME(3) NOT NULL,
      looks TINYINT UNSIGNED NOT NULL,
      PRIMARY KEY (batch_id),
      KEY recovered_batches_looks (looks, recovered_at)
    ) ${OPTIONS}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE recovered_batches');
    await runner.query('ALTER TABLE read_model DROP COLUMN expired_at');
    // The earlier release finishes what waits for the buffer.
    await runner.query("UPDATE erasures SET stage = 'buffer' WHERE stage = 'read-model'");
    await runner.query('ALTER TABLE erasures MODIFY stage VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL');
  }
}
