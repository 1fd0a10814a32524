import type { EntityManager } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import type { Device } from '../../events/event.js';
import { PAST_EVERY_ID } from '../raw-range.js';
import { firstOverApps, laterId } from './by-apps.js';
import { LISTED_COLUMNS, listed, type ListedEvent, type ListedRow } from './listed-event.js';

/** From the index events_user. */
const BEFORE = `(SELECT ${LISTED_COLUMNS} FROM events WHERE app_id = ? AND user_key = ?
AND (occurred_at < ? OR (occurred_at = ? AND id < ?)) ORDER BY occurred_at DESC, id DESC LIMIT ?)`;
const OCCURRED = 'SELECT occurred_at AS occurredAt FROM events WHERE app_id IN (?) AND id = ? LIMIT 1';

/** Events of an app in which a person's devices are looked for. */
const DEVICES_IN = 1000;
const NEWEST_CLIENTS = `(SELECT device, browser, os, occurred_at FROM events WHERE app_id = ? AND user_key = ?
ORDER BY occurred_at DESC LIMIT ${DEVICES_IN})`;

/** After every time that MySQL can hold. */
const LAST_TIME = new Date(Date.UTC(9999, 11, 31));

export interface Client {
  device: Device;
  browser: string | null;
  os: string | null;
  count: number;
  lastSeen: Date;
}

/**
 * A person's events, newest first over all apps.
 * @param appIds at least one @param userKey 32 hex digits @param after id of the last event of the page before
 */
export async function timelinePage(
  manager: EntityManager,
  appIds: readonly string[],
  userKey: string,
  after: string | undefined,
  limit: number,
): Promise<ListedEvent[]> {
  const last =
    after === undefined ? { id: PAST_EVERY_ID, occurredAt: LAST_TIME } : await placeOf(manager, appIds, after);
  if (!last) return [];
  const { id, occurredAt } = last;
  const rows = await firstOverApps<ListedRow>(
    appIds,
    limit,
    (a, b) => b.occurred_at.getTime() - a.occurred_at.getTime() || laterId(a.id, b.id),
    (page) =>
      manager.query(`${page.map(() => BEFORE).join(' UNION ALL ')} ORDER BY occurred_at DESC, id DESC LIMIT ?`, [
        ...page.flatMap((appId) => [binary(appId), binary(userKey), occurredAt, occurredAt, id, limit]),
        limit,
      ]),
  );
  return rows.map(listed);
}

/** What a person's newest events came from, the newest first. @param appIds @param userKey as above */
export async function clientsOf(manager: EntityManager, appIds: readonly string[], userKey: string): Promise<Client[]> {
  const newest = appIds.map(() => NEWEST_CLIENTS).join(' UNION ALL ');
  const rows: (Omit<Client, 'count'> & { count: string })[] = await manager.query(
    `SELECT device, browser, os, COUNT(*) AS count, MAX(occurred_at) AS lastSeen FROM (${newest}) newest
    GROUP BY device, browser, os ORDER BY lastSeen DESC, count DESC, device, browser, os LIMIT 20`,
    appIds.flatMap((appId) => [binary(appId), binary(userKey)]),
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** @returns undefined for an event that is gone */
async function placeOf(
  manager: EntityManager,
  appIds: readonly string[],
  id: string,
): Promise<{ id: Buffer; occurredAt: Date } | undefined> {
  const [row]: { occurredAt: Date }[] = await manager.query(OCCURRED, [binaries(appIds), binary(id)]);
  return row && { id: binary(id), occurredAt: row.occurredAt };
}
