import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** A sign-in under way: found by the hash of the browser's flow cookie, deleted on first use. */
@Entity('sign_in_flows')
@Index('sign_in_flows_expiry', ['expiresAt'])
export class SignInFlow {
  /** SHA-256 of the flow cookie. */
  @PrimaryColumn({ name: 'flow_hash', type: 'binary', length: 32, transformer: hex })
  flowHash!: string;

  @Column({ type: 'varchar', length: 64 })
  state!: string;

  /** PKCE code verifier (RFC 7636). */
  @Column({ type: 'varchar', length: 128 })
  verifier!: string;

  /** An own path to go on to. */
  @Column({ type: 'varchar', length: 2048 })
  next!: string;

  /** True when the caller asked for JSON. */
  @Column({ name: 'wants_json', type: 'boolean' })
  wantsJson!: boolean;

  @Column({ name: 'expires_at', type: 'datetime', precision: 3 })
  expiresAt!: Date;
}
