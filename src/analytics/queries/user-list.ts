import type { EntityManager } from 'typeorm';
import { binary } from '../../database/binary.js';
import type { Device, UserKind } from '../../events/event.js';

const COLUMNS = `u.app_id AS appId, u.user_key AS userKey, u.user_kind AS userKind, u.user_value AS userValue,
  u.total_events AS totalEvents, u.first_seen AS firstSeen, u.last_seen AS lastSeen, u.last_id AS lastId, u.device,
  u.browser, u.os`;

/**
 * Of every user the one event that is their newest, in the order of ids: so the list is read from the primary key of
 * `events` backwards, and needs no index that every chunk would have to keep up to date.
 */
const NEWEST = `(SELECT ${COLUMNS} FROM events e JOIN user_analytics u
  ON u.app_id = e.app_id AND u.user_key = e.user_key AND u.last_id = e.id
WHERE e.app_id = ? AND e.id >= ? AND e.id < ? ORDER BY e.id DESC LIMIT ?)`;

/** Users that are looked through for a part of an id, over all apps. */
const SEARCHED_AT_MOST = 500_000;
const FOUND = `SELECT u.user_key AS userKey FROM (
  SELECT user_key, user_value FROM user_analytics WHERE app_id = ? LIMIT ?
) u WHERE LOCATE(?, u.user_value) > 0 LIMIT ?`;

const OF_KEYS = `SELECT ${COLUMNS} FROM user_analytics u WHERE u.app_id IN (?) AND u.user_key IN (?)`;

/** What is kept of a user in one app. */
export interface ListedUser {
  /** 32 hex digits, like userKey and lastId. */
  appId: string;
  userKey: string;
  userKind: UserKind;
  /** The user id, anonymous id or visitor id. */
  userValue: string;
  totalEvents: number;
  firstSeen: Date;
  lastSeen: Date;
  /** Of their newest event. */
  lastId: string;
  device: Device;
  browser: string | null;
  os: string | null;
}

interface Row extends Omit<ListedUser, 'appId' | 'userKey' | 'userValue' | 'lastId' | 'totalEvents'> {
  appId: Buffer;
  userKey: Buffer;
  userValue: Buffer;
  lastId: Buffer;
  totalEvents: string | number;
}

/** Whose newest event of an app lies between the ids, newest first. @param appIds at least one @param from @param before 16 bytes */
export async function newestUsers(
  manager: EntityManager,
  appIds: readonly string[],
  { from, before, limit }: { from: Buffer; before: Buffer; limit: number },
): Promise<ListedUser[]> {
  const rows: Row[] = await manager.query(
    `${appIds.map(() => NEWEST).join(' UNION ALL ')} ORDER BY lastId DESC LIMIT ?`,
    [...appIds.flatMap((appId) => [binary(appId), from, before, limit]), limit],
  );
  return rows.map(listedUser);
}

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

/** A row for each app in which they are known. @param appIds at least one @param userKeys 32 hex digits each */
export async function usersOf(
  manager: EntityManager,
  appIds: readonly string[],
  userKeys: readonly string[],
): Promise<ListedUser[]> {
  if (userKeys.length === 0) return [];
  const rows: Row[] = await manager.query(OF_KEYS, [appIds.map(binary), userKeys.map(binary)]);
  return rows.map(listedUser);
}

function listedUser(row: Row): ListedUser {
  return {
    ...row,
    appId: row.appId.toString('hex'),
    userKey: row.userKey.toString('hex'),
    userValue: row.userValue.toString(),
    lastId: row.lastId.toString('hex'),
    totalEvents: Number(row.totalEvents),
  };
}
