import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Device } from '../../events/event.js';
import { count, hex, utf8 } from '../column-transformers.js';

/** Rollup: event_summary by whole UTC days, for the days inside a range. The name '' stands for all events. */
@Entity('event_summary_days')
export class EventSummaryDay {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  @PrimaryColumn({ type: 'varbinary', length: 512, transformer: utf8 })
  event!: string;

  /** Days since 1970 UTC. */
  @PrimaryColumn({ type: 'int', unsigned: true })
  day!: number;

  @PrimaryColumn({ type: 'varchar', length: 8 })
  device!: Device;

  @Column({ type: 'bigint', unsigned: true, transformer: count })
  n!: number;
}
