import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first schema. One text for MariaDB 10.11 and MySQL 8.4/9. Names, ids and user values of events are VARBINARY
 * holding UTF-8: the engines have no common collation that neither folds case nor pads. Text columns are utf8mb4_bin,
 * codes are ascii_bin.
 *
 * `events` begins with a catch-all for everything before 2026 and ends with a MAXVALUE partition; the worker's daily job
 * cuts months off the latter ahead of time (processing/partitions).
 */
const TABLES: readonly [name: string, sql: string][] = [
  [
    'installation',
    `CREATE TABLE installation (
      id BINARY(16) NOT NULL,
      buffer_bound_at DATETIME(3) NULL,
      PRIMARY KEY (id)
    )`,
  ],
  [
    'users',
    `CREATE TABLE users (
      id BINARY(16) NOT NULL,
      provider VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      subject VARCHAR(255) NOT NULL,
      email VARCHAR(320) NOT NULL,
      name VARCHAR(255) NULL,
      created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      last_sign_in_at DATETIME(3) NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY users_identity (provider, subject)
    )`,
  ],
  [
    'sessions',
    `CREATE TABLE sessions (
      id BINARY(16) NOT NULL,
      user_id BINARY(16) NOT NULL,
      provider VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      generation INT UNSIGNED NOT NULL DEFAULT 1,
      rotated_at DATETIME(3) NOT NULL,
      created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      expires_at DATETIME(3) NOT NULL,
      ended_at DATETIME(3) NULL,
      PRIMARY KEY (id),
      KEY sessions_user (user_id),
      CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
    )`,
  ],
  [
    'sign_in_flows',
    `CREATE TABLE sign_in_flows (
      flow_hash BINARY(32) NOT NULL,
      state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      verifier VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      next VARCHAR(2048) NOT NULL,
      wants_json TINYINT NOT NULL,
      expires_at DATETIME(3) NOT NULL,
      PRIMARY KEY (flow_hash),
      KEY sign_in_flows_expiry (expires_at)
    )`,
  ],
  [
    'apps',
    `CREATE TABLE apps (
      id BINARY(16) NOT NULL,
      owner_id BINARY(16) NOT NULL,
      name VARCHAR(200) NOT NULL,
      url VARCHAR(2048) NULL,
      platform VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
      time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'UTC',
      description VARCHAR(1000) NULL,
      ip_mode VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'truncated',
      retention_days INT UNSIGNED NULL,
      created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
      deleted_at DATETIME(3) NULL,
      PRIMARY KEY (id),
      KEY apps_owner (owner_id),
      KEY apps_updated (updated_at),
      CONSTRAINT apps_owner_fk FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE RESTRICT
    )`,
  ],
  [
    'api_keys',
    `CREATE TABLE api_keys (
      id BINARY(16) NOT NULL,
      app_id BINARY(16) NOT NULL,
      name VARCHAR(200) NOT NULL,
      last_4 VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      scopes VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      allowed_origins VARCHAR(4000) NOT NULL DEFAULT '',
      kid VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      issued_at DATETIME NOT NULL,
      expires_at DATETIME NULL,
      last_used_at DATETIME(3) NULL,
      revoked_at DATETIME(3) NULL,
      updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
      PRIMARY KEY (id),
      KEY api_keys_app (app_id),
      KEY api_keys_updated (updated_at),
      CONSTRAINT api_keys_app_fk FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
    )`,
  ],
  [
    'visitor_secrets',
    `CREATE TABLE visitor_secrets (
      day VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      secret BINARY(32) NOT NULL,
      PRIMARY KEY (day)
    )`,
  ],
  [
    'events',
    `CREATE TABLE events (
      app_id BINARY(16) NOT NULL,
      id BINARY(16) NOT NULL,
      event_id VARBINARY(512) NULL,
      event VARBINARY(512) NOT NULL,
      occurred_at DATETIME(3) NOT NULL,
      received_at DATETIME(3) NOT NULL,
      user_key BINARY(16) NOT NULL,
      user_id VARBINARY(512) NULL,
      anonymous_id VARBINARY(512) NULL,
      session_id VARBINARY(512) NULL,
      url VARCHAR(2048) NULL,
      referrer VARCHAR(2048) NULL,
      device VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      browser VARCHAR(128) NULL,
      os VARCHAR(128) NULL,
      user_agent VARCHAR(512) NULL,
      ip VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NULL,
      metadata MEDIUMTEXT NULL,
      payload_hash BINARY(8) NOT NULL,
      batch_id BINARY(16) NOT NULL,
      PRIMARY KEY (app_id, id),
      KEY events_user (app_id, user_key, occurred_at)
    )
    PARTITION BY RANGE COLUMNS(id) (
      PARTITION p_before_2026_01 VALUES LESS THAN (X'019b76daa80000000000000000000000'),
      PARTITION p_rest VALUES LESS THAN (MAXVALUE)
    )`,
  ],
  [
    'event_summary',
    `CREATE TABLE event_summary (
      app_id BINARY(16) NOT NULL,
      event VARBINARY(512) NOT NULL,
      quarter INT UNSIGNED NOT NULL,
      device VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      n BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (app_id, event, quarter, device)
    )`,
  ],
  [
    'event_users',
    `CREATE TABLE event_users (
      app_id BINARY(16) NOT NULL,
      event VARBINARY(512) NOT NULL,
      day INT UNSIGNED NOT NULL,
      user_key BINARY(16) NOT NULL,
      seen0 BIGINT UNSIGNED NOT NULL,
      seen1 BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (app_id, event, day, user_key)
    )`,
  ],
  [
    'user_analytics',
    `CREATE TABLE user_analytics (
      app_id BINARY(16) NOT NULL,
      user_key BINARY(16) NOT NULL,
      user_kind VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      user_value VARBINARY(512) NOT NULL,
      total_events BIGINT UNSIGNED NOT NULL,
      first_seen DATETIME(3) NOT NULL,
      last_seen DATETIME(3) NOT NULL,
      last_id BINARY(16) NOT NULL,
      device VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      browser VARCHAR(128) NULL,
      os VARCHAR(128) NULL,
      ip VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NULL,
      PRIMARY KEY (app_id, user_key)
    )`,
  ],
  [
    'ingest_claims',
    `CREATE TABLE ingest_claims (
      claim_id BINARY(16) NOT NULL,
      next_index INT UNSIGNED NOT NULL DEFAULT 0,
      created_at DATETIME(3) NOT NULL,
      PRIMARY KEY (claim_id),
      KEY ingest_claims_created (created_at)
    )`,
  ],
  [
    'ingest_batches',
    `CREATE TABLE ingest_batches (
      batch_id BINARY(16) NOT NULL,
      claim_id BINARY(16) NOT NULL,
      first_index INT UNSIGNED NOT NULL,
      received INT UNSIGNED NOT NULL,
      inserted INT UNSIGNED NOT NULL,
      duplicated INT UNSIGNED NOT NULL,
      dead INT UNSIGNED NOT NULL,
      erased INT UNSIGNED NOT NULL,
      committed_at DATETIME(3) NOT NULL,
      PRIMARY KEY (batch_id),
      KEY ingest_batches_claim (claim_id, first_index),
      KEY ingest_batches_committed (committed_at)
    )`,
  ],
  [
    'dead_letters',
    `CREATE TABLE dead_letters (
      id BINARY(16) NOT NULL,
      content_hash BINARY(16) NOT NULL,
      app_id BINARY(16) NULL,
      stored_id BINARY(16) NULL,
      code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      reason VARBINARY(2000) NOT NULL,
      envelope MEDIUMBLOB NOT NULL,
      batch_id BINARY(16) NOT NULL,
      created_at DATETIME(3) NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY dead_letters_content (content_hash),
      KEY dead_letters_app (app_id, created_at),
      KEY dead_letters_event (app_id, stored_id)
    )`,
  ],
];

const TABLE_OPTIONS = 'ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

export class FirstSchema1764000000000 implements MigrationInterface {
  readonly name = 'FirstSchema1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const [, sql] of TABLES) await runner.query(withOptions(sql));
    await runner.query(`INSERT INTO installation (id) VALUES (UNHEX(REPLACE(UUID(), '-', '')))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name] of TABLES.toReversed()) await runner.query(`DROP TABLE ${name}`);
  }
}

/** The table options stand between the columns and the partitions. */
function withOptions(sql: string): string {
  const [columns, partitions] = sql.split(/\s+(?=PARTITION BY)/);
  return `${columns} ${TABLE_OPTIONS}${partitions ? ` ${partitions}` : ''}`;
}
