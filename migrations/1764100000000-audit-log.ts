import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who did what in an account, for its owner to read. */
export class AuditLog1764100000000 implements MigrationInterface {
  readonly name = 'AuditLog1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE audit_log (
      id BINARY(16) NOT NULL,
      user_id BINARY(16) NOT NULL,
      action VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      subject_id BINARY(16) NULL,
      app_id BINARY(16) NULL,
      detail VARCHAR(1000) NOT NULL DEFAULT '{}',
      at DATETIME(3) NOT NULL,
      PRIMARY KEY (id),
      KEY audit_log_user (user_id, id)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_log');
  }
}
