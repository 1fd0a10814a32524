import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** A batch that another worker copied than the one that committed it: it is looked at again, as its own copy may come late. */
@Entity('recovered_batches')
@Index('recovered_batches_looks', ['looks', 'recoveredAt'])
export class RecoveredBatch {
  @PrimaryColumn({ name: 'batch_id', type: 'binary', length: 16, transformer: hex })
  batchId!: string;

  /** By MySQL's clock. */
  @Column({ name: 'recovered_at', type: 'datetime', precision: 3 })
  recoveredAt!: Date;

  /** How often it was looked at since. */
  @Column({ type: 'tinyint', unsigned: true })
  looks!: number;
}
