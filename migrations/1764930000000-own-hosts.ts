import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An app's own hosts, between commas; and a mark that what was derived with the earlier ones is to be derived anew. */
export class OwnHosts1764930000000 implements MigrationInterface {
  readonly name = 'OwnHosts1764930000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE apps ADD COLUMN hosts TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL');
    await runner.query('ALTER TABLE read_model ADD COLUMN hosts_changed TINYINT UNSIGNED NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE read_model DROP COLUMN hosts_changed');
    await runner.query('ALTER TABLE apps DROP COLUMN hosts');
  }
}
