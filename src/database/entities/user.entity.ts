import { Column, CreateDateColumn, Entity, Index, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/** A person who signed in. The identity is (provider, subject); the e-mail may change. */
@Entity('users')
@Index('users_identity', ['provider', 'subject'], { unique: true })
@Index('users_updated', ['updatedAt'])
export class User {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  /** `google`, or `local` for the stand-in. */
  @Column({ type: 'varchar', length: 16 })
  provider!: string;

  /** The provider's `sub`. */
  @Column({ type: 'varchar', length: 255 })
  subject!: string;

  /** The verified e-mail of the last sign-in. */
  @Column({ type: 'varchar', length: 320 })
  email!: string;

  /**
   * The Workspace domain (`hd`) that Google named at the last sign-in. Empty: none. Null: the last sign-in was before
   * Tallystone asked for it.
   */
  @Column({ type: 'varchar', length: 253, nullable: true })
  domain!: string | null;

  @Column({ type: 'varchar', length: 255, nullable: true })
  name!: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'last_sign_in_at', type: 'datetime', precision: 3 })
  lastSignInAt!: Date;

  /** Since when an operator keeps the account out; null: not locked. */
  @Column({ name: 'locked_at', type: 'datetime', precision: 3, nullable: true })
  lockedAt!: Date | null;

  /** Tells API processes which accounts to read again. */
  @UpdateDateColumn({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
