import type { EntityManager } from 'typeorm';
import { ConflictError } from '../common/app-error.js';
import { binary } from '../database/binary.js';

/** Keys of an app that may be good at one time: more is a program that makes one where it should keep one. */
export const KEYS_MAX = 1000;

const GOOD_KEYS = `SELECT COUNT(*) AS n FROM api_keys WHERE app_id = ?
  AND (revoked_at IS NULL OR revoked_at > UTC_TIMESTAMP(3)) AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())`;

/**
 * Revoked keys of an app that are newer than its oldest good key and could still verify: API processes remember each of
 * them (registry/revoked-keys.ts).
 */
export const REVOKED_KEYS_MAX = 1000;

const REVOKED_KEYS = `SELECT COUNT(*) AS n FROM api_keys WHERE app_id = ?
  AND revoked_at <= UTC_TIMESTAMP(3) AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP()) AND kid IN (?)
  AND id > (SELECT MIN(id) FROM api_keys WHERE app_id = ? AND kid IN (?)
    AND (revoked_at IS NULL OR revoked_at > UTC_TIMESTAMP(3)) AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP()))`;

/**
 * Call it in a transaction that holds the account: of several keys at once only as many are made as there is room for.
 * @param appId a UUID @param kids of the secrets that still verify keys
 * @throws ConflictError
 */
export async function assertRoomForKey(appId: string, kids: readonly string[], manager: EntityManager): Promise<void> {
  const app = binary(appId);
  const [good]: { n: string }[] = await manager.query(GOOD_KEYS, [app]);
  if (Number(good!.n) >= KEYS_MAX) {
    const detail =
      `An app may have ${KEYS_MAX.toLocaleString('en')} good keys, and this one has them. Revoke one that is not used any ` +
      'more (POST /api/auth/revoke), then try again.';
    throw new ConflictError('too_many_keys', detail);
  }
  const [revoked]: { n: string }[] = await manager.query(REVOKED_KEYS, [app, kids, app, kids]);
  if (Number(revoked!.n) < REVOKED_KEYS_MAX) return;
  const detail =
    `This app has ${REVOKED_KEYS_MAX.toLocaleString('en')} revoked keys that are newer than its oldest good key. Replace the ` +
    'oldest good key (POST /api/auth/regenerate without an overlap) or revoke it, then try again. Give keys that are ' +
    'needed for a short time an expiresAt: expired keys do not count.';
  throw new ConflictError('too_many_revoked_keys', detail);
}
