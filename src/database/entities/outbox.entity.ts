import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** A committed batch that is not yet copied into the read model. */
@Entity('outbox')
@Index('outbox_group', ['groupId', 'batchId'])
@Index('outbox_committed', ['committedAt'])
export class OutboxBatch {
  @PrimaryColumn({ name: 'batch_id', type: 'binary', length: 16, transformer: hex })
  batchId!: string;

  /** The batches that are sent together; fixed before they are sent. Null: no group yet. */
  @Column({ name: 'group_id', type: 'binary', length: 16, nullable: true, transformer: hex })
  groupId!: string | null;

  /** By MySQL's clock. */
  @Column({ name: 'committed_at', type: 'datetime', precision: 3 })
  committedAt!: Date;

  /** When the oldest of its events was received. */
  @Column({ name: 'oldest_receipt', type: 'datetime', precision: 3 })
  oldestReceipt!: Date;

  /** About what its events take when they are sent. */
  @Column({ type: 'int', unsigned: true })
  bytes!: number;

  /** By app: the app's id, the number of its events, and their ids (read-model/outbox/event-ids.ts). */
  @Column({ name: 'event_ids', type: 'mediumblob' })
  eventIds!: Buffer;
}
