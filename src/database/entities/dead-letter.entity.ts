import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex, utf8 } from '../column-transformers.js';

/** An accepted entry that MySQL would not take, or that must not be counted, with its reason. */
@Entity('dead_letters')
@Index('dead_letters_content', ['contentHash'], { unique: true })
@Index('dead_letters_app', ['appId', 'createdAt'])
@Index('dead_letters_event', ['appId', 'storedId'])
export class DeadLetter {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  /**
   * First 16 bytes of SHA-256 over (code, app, stored id, payload hash), or over the whole entry where it could not be
   * read: the same event sent twice is one dead letter.
   */
  @Column({ name: 'content_hash', type: 'binary', length: 16, transformer: hex })
  contentHash!: string;

  /** Null where the entry could not be read. */
  @Column({ name: 'app_id', type: 'binary', length: 16, nullable: true, transformer: hex })
  appId!: string | null;

  /** The id that its 202 named. */
  @Column({ name: 'stored_id', type: 'binary', length: 16, nullable: true, transformer: hex })
  storedId!: string | null;

  @Column({ type: 'varchar', length: 64 })
  code!: string;

  @Column({ type: 'varbinary', length: 2000, transformer: utf8 })
  reason!: string;

  /** The entry as it lay in the buffer. */
  @Column({ type: 'mediumblob', transformer: utf8 })
  envelope!: string;

  @Column({ name: 'batch_id', type: 'binary', length: 16, transformer: hex })
  batchId!: string;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}
