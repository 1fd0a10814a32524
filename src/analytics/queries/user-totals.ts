import { binary } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import type { Device, UserKind } from '../../events/event.js';

/** Written out: on this path the query builder takes longer than the database. */
const USER_TOTALS = `SELECT LOWER(HEX(app_id)) AS appId, LOWER(HEX(user_key)) AS userKey, user_kind AS userKind,
  total_events AS totalEvents, first_seen AS firstSeen, last_seen AS lastSeen, LOWER(HEX(last_id)) AS lastId, device,
  browser, os, ip
FROM user_analytics WHERE app_id IN (?) AND user_key IN (?)`;

/** What is kept of a person in one app. */
export interface UserTotals {
  /** 32 hex digits, as every id here. */
  appId: string;
  userKey: string;
  userKind: UserKind;
  totalEvents: number;
  firstSeen: Date;
  lastSeen: Date;
  lastId: string;
  device: Device;
  browser: string | null;
  os: string | null;
  ip: string | null;
}

/** A row an app. @param appIds at least one @param userKeys 32 hex digits each */
export async function userTotals(
  manager: EntityManager,
  appIds: readonly string[],
  userKeys: readonly string[],
): Promise<UserTotals[]> {
  const rows: (Omit<UserTotals, 'totalEvents'> & { totalEvents: string })[] = await manager.query(USER_TOTALS, [
    appIds.map(binary),
    userKeys.map(binary),
  ]);
  return rows.map((row) => ({ ...row, totalEvents: Number(row.totalEvents) }));
}
