import { Column, Entity, PrimaryColumn } from 'typeorm';
import { count, hex, utf8 } from '../column-transformers.js';

/**
 * Rollup: in which quarter-hours of a UTC day a distinct user was seen. 48 bits in each half, bit 0 the first quarter,
 * so that both fit a JavaScript number. The name '' stands for all events.
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

  @PrimaryColumn({ name: 'user_key', type: 'binary', length: 16, transformer: hex })
  userKey!: string;

  /** Midnight to noon. */
  @Column({ type: 'bigint', unsigned: true, transformer: count })
  seen0!: number;

  /** Noon to midnight. */
  @Column({ type: 'bigint', unsigned: true, transformer: count })
  seen1!: number;
}
