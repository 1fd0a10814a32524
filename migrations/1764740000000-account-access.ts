import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who may use the installation: the Workspace domain that Google named at an account's last sign-in, and since when an
 * operator has locked it. API processes follow changes by updated_at.
 */
export class AccountAccess1764740000000 implements MigrationInterface {
  readonly name = 'AccountAccess1764740000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE users
      ADD COLUMN domain VARCHAR(253) NULL AFTER email,
      ADD COLUMN locked_at DATETIME(3) NULL,
      ADD COLUMN updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
      ADD KEY users_updated (updated_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE users
      DROP KEY users_updated,
      DROP COLUMN updated_at,
      DROP COLUMN locked_at,
      DROP COLUMN domain`);
  }
}
