import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hex, utf8 } from '../column-transformers.js';

/**
 * Rollup: the distinct users that a batch saw, and when, until they are sealed into event_users. Only added and taken away
 * whole, so that workers never wait for each other here. The name '' stands for all events.
 */
@Entity('event_user_batches')
export class EventUserBatch {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  @PrimaryColumn({ type: 'varbinary', length: 512, transformer: utf8 })
  event!: string;

  /** Days since 1970 UTC. */
  @PrimaryColumn({ type: 'int', unsigned: true })
  day!: number;

  @PrimaryColumn({ name: 'batch_id', type: 'binary', length: 16, transformer: hex })
  batchId!: string;

  /** User keys with quarter-hours: database/seen-users.ts. */
  @Column({ type: 'mediumblob' })
  seen!: Buffer;
}
