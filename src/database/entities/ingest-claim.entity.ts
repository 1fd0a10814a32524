import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** A list taken from the buffer. Its cursor is the fence: a chunk commits only if it moves it from where it began. */
@Entity('ingest_claims')
@Index('ingest_claims_created', ['createdAt'])
export class IngestClaim {
  @PrimaryColumn({ name: 'claim_id', type: 'binary', length: 16, transformer: hex })
  claimId!: string;

  /** Index in the list of the first entry not yet committed. */
  @Column({ name: 'next_index', type: 'int', unsigned: true, default: 0 })
  nextIndex!: number;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}
