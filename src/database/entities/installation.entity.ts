import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** One row: which installation this is. Redis carries the same id, so that two never share a buffer. */
@Entity('installation')
export class Installation {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  /** When the id was first written to Redis; null before the first start. */
  @Column({ name: 'buffer_bound_at', type: 'datetime', precision: 3, nullable: true })
  bufferBoundAt!: Date | null;
}
