import { binaries } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import { type Device, USER_KINDS, type UserKind } from '../../events/event.js';

/** Of `user_analytics u`. Written out: on this path the query builder takes longer than the database. */
export const TOTALS_COLUMNS = `LOWER(HEX(u.app_id)) AS appId, LOWER(HEX(u.user_key)) AS userKey, u.user_kind AS userKind,
  u.user_value AS userValue, u.total_events AS totalEvents, u.first_seen AS firstSeen, u.last_seen AS lastSeen,
  LOWER(HEX(u.last_id)) AS lastId, u.device, u.browser, u.os, u.ip`;
const USER_TOTALS = `SELECT ${TOTALS_COLUMNS} FROM user_analytics u WHERE u.app_id IN (?) AND u.user_key IN (?)`;

/** What is kept of a person in one app. */
export interface UserTotals {
  /** 32 hex digits, as every id here. */
  appId: string;
  userKey: string;
  userKind: UserKind;
  /** The user id, anonymous id or visitor id. */
  userValue: string;
  totalEvents: number;
  firstSeen: Date;
  lastSeen: Date;
  lastId: string;
  device: Device;
  browser: string | null;
  os: string | null;
  ip: string | null;
}

/** As MySQL answers {@link TOTALS_COLUMNS}. */
export type TotalsRow = Omit<UserTotals, 'totalEvents' | 'userValue'> & { totalEvents: string; userValue: Buffer };

export function totals(row: TotalsRow): UserTotals {
  return { ...row, totalEvents: Number(row.totalEvents), userValue: row.userValue.toString() };
}

/** A row for each app in which they are known. @param appIds at least one @param userKeys 32 hex digits each */
export async function userTotals(
  manager: EntityManager,
  appIds: readonly string[],
  userKeys: readonly string[],
): Promise<UserTotals[]> {
  if (userKeys.length === 0) return [];
  const rows: TotalsRow[] = await manager.query(USER_TOTALS, [binaries(appIds), binaries(userKeys)]);
  return rows.map(totals);
}

/** A user id beats an equal anonymous id, and that a visitor id: they would be different people. */
export function ofOneKind(rows: readonly UserTotals[]): UserTotals[] {
  const kind = USER_KINDS.find((known) => rows.some((row) => row.userKind === known));
  return rows.filter((row) => row.userKind === kind);
}

/** Of what is kept of one user in each app. @param rows at least one */
export function newestOf(rows: readonly UserTotals[]): UserTotals {
  return rows.reduce((a, b) => (isNewer(b, a) ? b : a));
}

function isNewer(a: UserTotals, b: UserTotals): boolean {
  const ms = a.lastSeen.getTime() - b.lastSeen.getTime();
  return ms > 0 || (ms === 0 && a.lastId > b.lastId);
}
