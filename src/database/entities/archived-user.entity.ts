import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex, utf8 } from '../column-transformers.js';

/**
 * A distinct user of an event on a UTC day whose events have expired, at least in part. Retention writes it before it deletes the
 * events; the copy in ClickHouse answers questions.
 */
@Entity('archived_users')
@Index('archived_users_user', ['appId', 'userKey'])
export class ArchivedUser {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  /** Days since 1970 UTC. */
  @PrimaryColumn({ type: 'int', unsigned: true })
  day!: number;

  @PrimaryColumn({ type: 'varbinary', length: 512, transformer: utf8 })
  event!: string;

  @PrimaryColumn({ name: 'user_key', type: 'binary', length: 16, transformer: hex })
  userKey!: string;

  /** A bit for each quarter-hour of the first half of the day in which the user was seen; the lowest is the first. */
  @Column({ type: 'bigint', unsigned: true })
  quarters0!: string;

  /** The same of the second half. */
  @Column({ type: 'bigint', unsigned: true })
  quarters1!: string;
}

/** A day of an app whose archived users are to be copied into ClickHouse, all of them. */
@Entity('archive_outbox')
@Index('archive_outbox_age', ['archivedAt'])
export class ArchiveOutboxDay {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  /** Days since 1970 UTC. */
  @PrimaryColumn({ type: 'int', unsigned: true })
  day!: number;

  /** Random, another one whenever the day changes: a copy of an earlier one does not count. */
  @Column({ type: 'bigint', unsigned: true })
  version!: string;

  /** When it changed first since it was copied, by MySQL's clock. */
  @Column({ name: 'archived_at', type: 'datetime', precision: 3, default: () => 'CURRENT_TIMESTAMP(3)' })
  archivedAt!: Date;
}
