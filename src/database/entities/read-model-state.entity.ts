import { Column, Entity, PrimaryColumn } from 'typeorm';

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
}
