import { Column, Entity, PrimaryColumn } from 'typeorm';
import { count, hex } from '../column-transformers.js';

/** One row: whether events are copied into a read model, and whether it has them all. */
@Entity('read_model')
export class ReadModelState {
  /** Always 1. */
  @PrimaryColumn({ type: 'tinyint', unsigned: true })
  id!: number;

  /** 1: each commit leaves an outbox row. 0: none does, and the copy is filled anew once it is 1. */
  @Column({ type: 'tinyint', unsigned: true })
  enabled!: number;

  /** Since when the copy has every committed event but those in the outbox; null: it is being filled. */
  @Column({ name: 'complete_at', type: 'datetime', precision: 3, nullable: true })
  completeAt!: Date | null;

  /** 1: a worker is to fill the copy anew. */
  @Column({ name: 'rebuild_ordered', type: 'tinyint', unsigned: true, default: 0 })
  rebuildOrdered!: number;

  /** How far it is filled: the app and the id of the last event that was looked at, in the order of the table. */
  @Column({ name: 'filled_app', type: 'binary', length: 16, nullable: true, transformer: hex })
  filledApp!: string | null;

  @Column({ name: 'filled_id', type: 'binary', length: 16, nullable: true, transformer: hex })
  filledId!: string | null;

  /** Events that were looked at. */
  @Column({ type: 'bigint', unsigned: true, default: 0, transformer: count })
  filled!: number;

  /** 1: own hosts of an app have changed, so the copy is to be filled anew before long. */
  @Column({ name: 'hosts_changed', type: 'tinyint', unsigned: true, default: 0 })
  hostsChanged!: number;

  /** 0: no second table; 1: a second table is being filled; 2: the two take each other's place. */
  @Column({ name: 'rebuild_stage', type: 'tinyint', unsigned: true, default: 0 })
  rebuildStage!: number;

  /** ClickHouse's own id of the second table: by it one can tell whether the two have changed places. */
  @Column({ name: 'next_table', type: 'binary', length: 16, nullable: true, transformer: hex })
  nextTable!: string | null;

  /** Counts the changes of where copies go: what was sent under an earlier number is sent again. */
  @Column({ type: 'int', unsigned: true, default: 0 })
  generation!: number;

  /** When expired events were last deleted from it; null: never. */
  @Column({ name: 'expired_at', type: 'datetime', precision: 3, nullable: true })
  expiredAt!: Date | null;

  /**
   * Tables of distinct users that earlier releases kept: 0: gone. 1: a worker is to archive the users of expired days. 2: archived; the
   * tables go once the copy is complete.
   */
  @Column({ name: 'old_user_tables', type: 'tinyint', unsigned: true, default: 0 })
  oldUserTables!: number;
}
