import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** The ledger: one committed transaction. received = inserted + duplicated + dead + erased. */
@Entity('ingest_batches')
@Index('ingest_batches_claim', ['claimId', 'firstIndex'])
@Index('ingest_batches_committed', ['committedAt'])
export class IngestBatch {
  @PrimaryColumn({ name: 'batch_id', type: 'binary', length: 16, transformer: hex })
  batchId!: string;

  @Column({ name: 'claim_id', type: 'binary', length: 16, transformer: hex })
  claimId!: string;

  @Column({ name: 'first_index', type: 'int', unsigned: true })
  firstIndex!: number;

  @Column({ type: 'int', unsigned: true })
  received!: number;

  @Column({ type: 'int', unsigned: true })
  inserted!: number;

  @Column({ type: 'int', unsigned: true })
  duplicated!: number;

  @Column({ type: 'int', unsigned: true })
  dead!: number;

  @Column({ type: 'int', unsigned: true })
  erased!: number;

  @Column({ name: 'committed_at', type: 'datetime', precision: 3 })
  committedAt!: Date;

  /** Rows that it left in the outbox: 1, or 0 where nothing was inserted or there is no read model. */
  @Column({ name: 'outbox_rows', type: 'tinyint', unsigned: true })
  outboxRows!: number;
}
