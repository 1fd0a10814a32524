import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hex } from '../column-transformers.js';

/**
 * The number under which a distinct user is in the bitmaps of event_users: one for all apps of an owner, so that a person
 * counts once across them. Given when a user is first sealed, never given again.
 */
@Entity('user_numbers')
@Index('user_numbers_number', ['ownerId', 'number'], { unique: true })
export class UserNumber {
  @PrimaryColumn({ name: 'owner_id', type: 'binary', length: 16, transformer: hex })
  ownerId!: string;

  @PrimaryColumn({ name: 'user_key', type: 'binary', length: 16, transformer: hex })
  userKey!: string;

  @Column({ type: 'int', unsigned: true })
  number!: number;
}

/** The next number that an owner has to give. */
@Entity('user_number_counters')
export class UserNumberCounter {
  @PrimaryColumn({ name: 'owner_id', type: 'binary', length: 16, transformer: hex })
  ownerId!: string;

  @Column({ name: 'next_number', type: 'int', unsigned: true })
  nextNumber!: number;
}
