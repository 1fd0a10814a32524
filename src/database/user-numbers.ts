import type { EntityManager } from 'typeorm';
import { binaries } from './binary.js';

const NUMBERS = `SELECT LOWER(HEX(user_key)) AS userKey, number FROM user_numbers WHERE owner_id = ? AND user_key IN (?)`;
/** User keys asked in one statement. */
const KEYS_AT_ONCE = 5000;

/**
 * The numbers under which users are in the bitmaps of their owner's apps.
 * @param userKeys 32 hex digits each
 * @returns by user key; who has no number, and so is in no bitmap, is not there
 */
export async function userNumbers(
  manager: EntityManager,
  ownerId: Buffer,
  userKeys: readonly string[],
): Promise<Map<string, number>> {
  const numbers = new Map<string, number>();
  for (let at = 0; at < userKeys.length; at += KEYS_AT_ONCE) {
    const page = userKeys.slice(at, at + KEYS_AT_ONCE);
    const rows: { userKey: string; number: number | string }[] = await manager.query(NUMBERS, [
      ownerId,
      binaries(page),
    ]);
    for (const { userKey, number } of rows) numbers.set(userKey, Number(number));
  }
  return numbers;
}
