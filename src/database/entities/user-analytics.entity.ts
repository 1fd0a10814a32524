import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Device, UserKind } from '../../events/event.js';
import { count, hex, utf8 } from '../column-transformers.js';

/** Rollup: one distinct user of an app. Device, browser, os and ip are those of the greatest (last_seen, last_id). */
@Entity('user_analytics')
export class UserAnalytics {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  @PrimaryColumn({ name: 'user_key', type: 'binary', length: 16, transformer: hex })
  userKey!: string;

  @Column({ name: 'user_kind', type: 'varchar', length: 9 })
  userKind!: UserKind;

  /** User id, anonymous id or visitor id, as `user_kind` says. */
  @Column({ name: 'user_value', type: 'varbinary', length: 512, transformer: utf8 })
  userValue!: string;

  @Column({ name: 'total_events', type: 'bigint', unsigned: true, transformer: count })
  totalEvents!: number;

  @Column({ name: 'first_seen', type: 'datetime', precision: 3 })
  firstSeen!: Date;

  @Column({ name: 'last_seen', type: 'datetime', precision: 3 })
  lastSeen!: Date;

  @Column({ name: 'last_id', type: 'binary', length: 16, transformer: hex })
  lastId!: string;

  @Column({ type: 'varchar', length: 8 })
  device!: Device;

  @Column({ type: 'varchar', length: 128, nullable: true })
  browser!: string | null;

  @Column({ type: 'varchar', length: 128, nullable: true })
  os!: string | null;

  @Column({ type: 'varchar', length: 45, nullable: true })
  ip!: string | null;
}
