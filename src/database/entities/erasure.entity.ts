import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { count, hex, utf8 } from '../column-transformers.js';

export type ErasureSubject = 'person' | 'app';

/**
 * rows: of MySQL; buffer: waiting until nothing received before is pending; file: Redis rewrites its file; read-model: rows of
 * ClickHouse, where there is one.
 */
export const ERASURE_STAGES = ['rows', 'buffer', 'file', 'read-model', 'done'] as const;
export type ErasureStage = (typeof ERASURE_STAGES)[number];

/** Who saw to it that the person is not in Redis's files any more: this program, or the operator must. */
export const REDIS_FILES = ['rewritten', 'none', 'operator'] as const;
export type RedisFile = (typeof REDIS_FILES)[number];

/**
 * An order to erase a person or an app. Until it is done it is a tombstone: workers skip what was received up to
 * `requestedAt`. Then only the fact remains.
 */
@Entity('erasures')
@Index('erasures_open', ['finishedAt', 'appId'])
@Index('erasures_owner', ['ownerId'])
export class Erasure {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  @Column({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  @Column({ name: 'owner_id', type: 'binary', length: 16, transformer: hex })
  ownerId!: string;

  @Column({ type: 'varchar', length: 8 })
  subject!: ErasureSubject;

  /** The person's id, as long as it is needed to find them. */
  @Column({ name: 'user_value', type: 'varbinary', length: 512, nullable: true, transformer: utf8 })
  userValue!: string | null;

  @Column({ name: 'requested_at', type: 'datetime', precision: 3 })
  requestedAt!: Date;

  @Column({ type: 'varchar', length: 16 })
  stage!: ErasureStage;

  @Column({ name: 'events_erased', type: 'bigint', unsigned: true, default: 0, transformer: count })
  eventsErased!: number;

  @Column({ name: 'redis_file', type: 'varchar', length: 16, nullable: true })
  redisFile!: RedisFile | null;

  @Column({ name: 'finished_at', type: 'datetime', precision: 3, nullable: true })
  finishedAt!: Date | null;
}
