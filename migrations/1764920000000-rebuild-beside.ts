import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A second table of the read model is filled while the first one answers. */
export class RebuildBeside1764920000000 implements MigrationInterface {
  readonly name = 'RebuildBeside1764920000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE read_model
      ADD COLUMN rebuild_stage TINYINT UNSIGNED NOT NULL DEFAULT 0,
      ADD COLUMN next_table BINARY(16) NULL,
      ADD COLUMN generation INT UNSIGNED NOT NULL DEFAULT 0`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('UPDATE read_model SET complete_at = NULL, rebuild_ordered = 1 WHERE rebuild_stage > 0');
    await runner.query(
      'ALTER TABLE read_model DROP COLUMN rebuild_stage, DROP COLUMN next_table, DROP COLUMN generation',
    );
  }
}
