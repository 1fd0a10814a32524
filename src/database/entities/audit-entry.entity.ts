import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** The closed set of what is noted. */
export const AUDIT_ACTIONS = [
  'signed_in',
  'signed_out',
  'signed_out_everywhere',
  'refresh_token_reused',
  'account_deleted',
  'account_locked',
  'account_unlocked',
  'account_keys_revoked',
  'app_registered',
  'app_changed',
  'app_deleted',
  'key_created',
  'key_revealed',
  'key_regenerated',
  'key_revoked',
  'dead_letters_replayed',
  'person_exported',
  'person_erased',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Something that was done in an account. Never updated. */
@Entity('audit_log')
@Index('audit_log_user', ['userId', 'id'])
export class AuditEntry {
  /** UUIDv7: the order in which it happened. */
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  @Column({ name: 'user_id', type: 'binary', length: 16, transformer: hex })
  userId!: string;

  @Column({ type: 'varchar', length: 32 })
  action!: AuditAction;

  /** The session, app, key, erasure or account that it was done to. */
  @Column({ name: 'subject_id', type: 'binary', length: 16, nullable: true, transformer: hex })
  subjectId!: string | null;

  @Column({ name: 'app_id', type: 'binary', length: 16, nullable: true, transformer: hex })
  appId!: string | null;

  /** JSON text of an object: names of what was changed, never a token, an e-mail, an address or a person's id. */
  @Column({ type: 'varchar', length: 1000, default: '{}' })
  detail!: string;

  @Column({ type: 'datetime', precision: 3 })
  at!: Date;
}
