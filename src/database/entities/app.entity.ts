import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  UpdateDateColumn,
} from 'typeorm';
import type { IpMode } from '../../events/ip-mode.js';
import type { Platform } from '../../events/platform.js';
import { hex, list } from '../column-transformers.js';
import { User } from './user.entity.js';

export const RETENTION_ROLLUPS = ['keep', 'drop'] as const;
export type RetentionRollups = (typeof RETENTION_ROLLUPS)[number];

/** A registered web site or mobile app. A deleted one keeps its row, so that its keys stay known as dead. */
@Entity('apps')
@Index('apps_owner', ['ownerId'])
@Index('apps_updated', ['updatedAt'])
export class App {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  @Column({ name: 'owner_id', type: 'binary', length: 16, transformer: hex })
  ownerId!: string;

  @ManyToOne(() => User, { onDelete: 'RESTRICT' })
  @JoinColumn({ name: 'owner_id' })
  owner?: User;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  @Column({ type: 'varchar', length: 2048, nullable: true })
  url!: string | null;

  @Column({ type: 'varchar', length: 16, nullable: true })
  platform!: Platform | null;

  /** Its own hosts beside that of each event's URL: a referrer there is internal. Null: none. */
  @Column({ type: 'text', nullable: true, transformer: list })
  hosts!: string[] | null;

  /** IANA name; whole days are counted in it. */
  @Column({ name: 'time_zone', type: 'varchar', length: 64, default: 'UTC' })
  timeZone!: string;

  @Column({ type: 'varchar', length: 1000, nullable: true })
  description!: string | null;

  @Column({ name: 'ip_mode', type: 'varchar', length: 16, default: 'truncated' })
  ipMode!: IpMode;

  /** Null: events are kept for ever. */
  @Column({ name: 'retention_days', type: 'int', unsigned: true, nullable: true })
  retentionDays!: number | null;

  /** What becomes of the rollups when retention deletes the events under them. */
  @Column({ name: 'retention_rollups', type: 'varchar', length: 8, default: 'keep' })
  retentionRollups!: RetentionRollups;

  /** Retention has deleted the events whose id's time is before this, and lets none in any more. */
  @Column({ name: 'deleted_before', type: 'datetime', precision: 3, nullable: true })
  deletedBefore!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;

  @Column({ name: 'deleted_at', type: 'datetime', precision: 3, nullable: true })
  deletedAt!: Date | null;
}
