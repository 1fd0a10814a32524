import type { EntityManager } from 'typeorm';
import { binary } from '../../database/binary.js';

/** Users that are looked through for a part of an id, over all apps. */
const SEARCHED_AT_MOST = 500_000;
const FOUND = `SELECT u.user_key AS userKey FROM (
  SELECT user_key, user_value FROM user_analytics WHERE app_id = ? LIMIT ?
) u WHERE LOCATE(?, u.user_value) > 0 LIMIT ?`;

/** Keys of users whose id holds a text, letter by letter; in no order. @param appIds at least one */
export async function foundUsers(
  manager: EntityManager,
  appIds: readonly string[],
  text: string,
  limit: number,
): Promise<string[]> {
  const found = new Set<string>();
  const each = Math.ceil(SEARCHED_AT_MOST / appIds.length);
  for (const appId of appIds) {
    if (found.size >= limit) break;
    const parameters = [binary(appId), each, Buffer.from(text), limit];
    const rows: { userKey: Buffer }[] = await manager.query(FOUND, parameters);
    for (const { userKey } of rows) found.add(userKey.toString('hex'));
  }
  return [...found];
}
