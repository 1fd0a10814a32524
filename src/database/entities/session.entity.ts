import { Column, CreateDateColumn, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';
import { User } from './user.entity.js';

/**
 * One sign-in and the family of refresh tokens that came of it. A refresh token is a signed JWT that names session and
 * generation, so nothing secret is stored: the current generation renews, the one before stays good for 10 s after a
 * rotation, an older one ends the family.
 */
@Entity('sessions')
@Index('sessions_user', ['userId'])
export class Session {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  @Column({ name: 'user_id', type: 'binary', length: 16, transformer: hex })
  userId!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id' })
  user?: User;

  /** Copied from the user: sessions of the stand-in are void while local sign-in is off. */
  @Column({ type: 'varchar', length: 16 })
  provider!: string;

  @Column({ type: 'int', unsigned: true, default: 1 })
  generation!: number;

  @Column({ name: 'rotated_at', type: 'datetime', precision: 3 })
  rotatedAt!: Date;

  @CreateDateColumn({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  /** Moves on with each rotation, never beyond SESSION_MAX_DAYS after the sign-in. */
  @Column({ name: 'expires_at', type: 'datetime', precision: 3 })
  expiresAt!: Date;

  @Column({ name: 'ended_at', type: 'datetime', precision: 3, nullable: true })
  endedAt!: Date | null;

  /** When the person last proved to the provider who they are: its `auth_time` where it tells that, else the sign-in. */
  @Column({ name: 'authenticated_at', type: 'datetime', precision: 3, default: () => 'CURRENT_TIMESTAMP(3)' })
  authenticatedAt!: Date;

  /** To the minute. */
  @Column({ name: 'last_used_at', type: 'datetime', precision: 3, default: () => 'CURRENT_TIMESTAMP(3)' })
  lastUsedAt!: Date;

  /** Names without versions, of the User-Agent that signed in; null: it does not tell. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  browser!: string | null;

  @Column({ type: 'varchar', length: 64, nullable: true })
  os!: string | null;
}
