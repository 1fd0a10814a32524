import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { hex, list } from '../column-transformers.js';
import { App } from './app.entity.js';

export const SCOPES = ['write', 'read'] as const;
export type Scope = (typeof SCOPES)[number];

/** 1 names the account in the token; 2, which new keys have, does not. */
export type ClaimsVersion = 1 | 2;

/**
 * What is known of an analytics token. Never the token or its signature: a write-only one can be signed again from this
 * row with the secret that `kid` names.
 */
@Entity('api_keys')
@Index('api_keys_app', ['appId'])
@Index('api_keys_updated', ['updatedAt'])
export class ApiKey {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  @Column({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  @ManyToOne(() => App, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'app_id' })
  app?: App;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  /** The last four characters of the token, to tell keys apart. */
  @Column({ name: 'last_4', type: 'varchar', length: 4 })
  last4!: string;

  @Column({ type: 'varchar', length: 32, transformer: list })
  scopes!: Scope[];

  /** Origins that may use it from a browser; empty: any. */
  @Column({ name: 'allowed_origins', type: 'varchar', length: 4000, transformer: list })
  allowedOrigins!: string[];

  /** The public name of the secret that signed it. */
  @Column({ type: 'varchar', length: 16 })
  kid!: string;

  /** Which claims the token holds, so that it is signed again with the same ones: see access/key-token.ts. */
  @Column({ type: 'tinyint', unsigned: true, default: 1 })
  claims!: ClaimsVersion;

  /** Whole seconds, as in the token. */
  @Column({ name: 'issued_at', type: 'datetime', precision: 0 })
  issuedAt!: Date;

  @Column({ name: 'expires_at', type: 'datetime', precision: 0, nullable: true })
  expiresAt!: Date | null;

  @Column({ name: 'last_used_at', type: 'datetime', precision: 3, nullable: true })
  lastUsedAt!: Date | null;

  /** From when on it is refused; in the future while a rotation overlaps. */
  @Column({ name: 'revoked_at', type: 'datetime', precision: 3, nullable: true })
  revokedAt!: Date | null;

  @UpdateDateColumn({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
