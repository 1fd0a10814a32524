import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hex, utf8 } from '../column-transformers.js';

/**
 * Rollup: which distinct users were seen on a UTC day, and in which of its quarter-hours; sealed from event_user_batches.
 * The name '' stands for all events. How users and quarters are written: database/seen-users.ts.
 */
@Entity('event_users')
export class EventUsers {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  @PrimaryColumn({ type: 'varbinary', length: 512, transformer: utf8 })
  event!: string;

  /** Days since 1970 UTC. */
  @PrimaryColumn({ type: 'int', unsigned: true })
  day!: number;

  /** Another one whenever the row is written; random, so that a row that was deleted and made anew is another too. */
  @Column({ type: 'bigint', unsigned: true })
  version!: string;

  /** Numbers of the users: a roaring bitmap. */
  @Column({ type: 'longblob' })
  users!: Buffer;

  /** One byte a sighting. */
  @Column({ type: 'longblob' })
  quarters!: Buffer;
}
