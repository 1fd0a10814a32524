import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What people see of their sessions, and when the person behind each last proved who they are. Which claims each API key
 * was signed with: those of before named the account.
 */
export class SessionEnds1764741000000 implements MigrationInterface {
  readonly name = 'SessionEnds1764741000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions
      ADD COLUMN authenticated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      ADD COLUMN last_used_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      ADD COLUMN browser VARCHAR(64) NULL,
      ADD COLUMN os VARCHAR(64) NULL`);
    await runner.query('UPDATE sessions SET authenticated_at = created_at, last_used_at = rotated_at');
    // The default is what a process of before writes, too, while both run.
    await runner.query('ALTER TABLE api_keys ADD COLUMN claims TINYINT UNSIGNED NOT NULL DEFAULT 1 AFTER kid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE api_keys DROP COLUMN claims');
    await runner.query(`ALTER TABLE sessions
      DROP COLUMN os,
      DROP COLUMN browser,
      DROP COLUMN last_used_at,
      DROP COLUMN authenticated_at`);
  }
}
