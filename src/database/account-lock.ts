import type { EntityManager } from 'typeorm';
import { signInEnded } from '../common/app-error.js';
import { binary } from './binary.js';

/** What a deleted account has in place of the provider's subject. @param userId 32 hex digits */
export function deletedSubject(userId: string): string {
  return `deleted:${userId}`;
}

/**
 * By the primary key alone: who took the identity's index too, which a deletion changes last, would meet it the wrong way
 * round.
 */
const LOCK = 'SELECT id FROM users WHERE id = ? AND subject <> ? FOR UPDATE';

/**
 * Holds an account until the transaction ends. Whatever gives it something to own takes this first, and so does its
 * deletion: then nothing outlives it.
 * @param userId 32 hex digits
 * @returns whether the account is still there
 */
export async function lockAccount(manager: EntityManager, userId: string): Promise<boolean> {
  const rows: unknown[] = await manager.query(LOCK, [binary(userId), deletedSubject(userId)]);
  return rows.length > 0;
}

/**
 * Holds the account of a caller until the transaction ends.
 * @throws UnauthorizedError when it was deleted since the caller was let in
 */
export async function holdAccount(manager: EntityManager, userId: string): Promise<void> {
  if (!(await lockAccount(manager, userId))) throw signInEnded();
}
