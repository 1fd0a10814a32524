import { binary } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import type { Device } from '../../events/event.js';

/**
 * Events are listed in the order of their ids, which begin with the time that their sender stated: so a page is read from the
 * primary key backwards. However rare what is looked for is, a question looks at SCANNED_AT_MOST events of each app.
 */
const SCANNED_AT_MOST = 20_000;

const FLOOR = `SELECT id FROM events WHERE app_id = ? AND id >= ? AND id < ? ORDER BY id DESC
LIMIT 1 OFFSET ${SCANNED_AT_MOST - 1}`;

const COLUMNS = `id, app_id, event_id, event, occurred_at, received_at, user_id, anonymous_id, session_id, url, referrer,
  device, browser, os, ip, metadata`;

/** What an event must be; several values of one field are alternatives. */
export interface EventFilters {
  event?: readonly string[];
  url?: readonly string[];
  device?: readonly string[];
  browser?: readonly string[];
  os?: readonly string[];
  /** ms */
  occurredFrom: number;
  /** ms, not included. */
  occurredBefore?: number;
}

export interface ListedEvent {
  /** 32 hex digits, like appId. */
  id: string;
  appId: string;
  eventId: string | null;
  event: string;
  occurredAt: Date;
  receivedAt: Date;
  userId: string | null;
  anonymousId: string | null;
  sessionId: string | null;
  url: string | null;
  referrer: string | null;
  device: Device;
  browser: string | null;
  os: string | null;
  ip: string | null;
  /** JSON text. */
  metadata: string | null;
}

interface Row {
  id: Buffer;
  app_id: Buffer;
  event_id: Buffer | null;
  event: Buffer;
  occurred_at: Date;
  received_at: Date;
  user_id: Buffer | null;
  anonymous_id: Buffer | null;
  session_id: Buffer | null;
  url: string | null;
  referrer: string | null;
  device: Device;
  browser: string | null;
  os: string | null;
  ip: string | null;
  metadata: string | null;
}

/**
 * The highest id down to which an app's events may be looked at; undefined when there are few enough to look at all.
 * @param from @param before ids, 16 bytes
 */
export async function scanFloor(
  manager: EntityManager,
  appId: string,
  from: Buffer,
  before: Buffer,
): Promise<Buffer | undefined> {
  const [row]: { id: Buffer }[] = await manager.query(FLOOR, [binary(appId), from, before]);
  return row?.id;
}

/** Newest first over all apps. @param appIds at least one @param from @param before ids, 16 bytes; before is exclusive */
export async function eventPage(
  manager: EntityManager,
  appIds: readonly string[],
  { from, before, limit }: { from: Buffer; before: Buffer; limit: number },
  filters: EventFilters,
): Promise<ListedEvent[]> {
  const { sql, parameters } = conditions(filters);
  const part = `(SELECT ${COLUMNS} FROM events WHERE app_id = ? AND id >= ? AND id < ?${sql} ORDER BY id DESC LIMIT ?)`;
  const rows: Row[] = await manager.query(`${appIds.map(() => part).join(' UNION ALL ')} ORDER BY id DESC LIMIT ?`, [
    ...appIds.flatMap((appId) => [binary(appId), from, before, ...parameters, limit]),
    limit,
  ]);
  return rows.map(listed);
}

function conditions({ event, url, device, browser, os, occurredFrom, occurredBefore }: EventFilters): {
  sql: string;
  parameters: unknown[];
} {
  const found: [sql: string, ...parameters: unknown[]][] = [['occurred_at >= ?', new Date(occurredFrom)]];
  if (event?.length) found.push(['event IN (?)', event.map((name) => Buffer.from(name))]);
  if (url?.length) found.push(['url IN (?)', url]);
  if (device?.length) found.push(['device IN (?)', device]);
  if (browser?.length) found.push(['browser IN (?)', browser]);
  if (os?.length) found.push(['os IN (?)', os]);
  if (occurredBefore !== undefined) found.push(['occurred_at < ?', new Date(occurredBefore)]);
  return {
    sql: found.map(([sql]) => ` AND ${sql}`).join(''),
    parameters: found.flatMap(([, ...parameters]) => parameters),
  };
}

function listed(row: Row): ListedEvent {
  return {
    id: row.id.toString('hex'),
    appId: row.app_id.toString('hex'),
    eventId: row.event_id?.toString() ?? null,
    event: row.event.toString(),
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    userId: row.user_id?.toString() ?? null,
    anonymousId: row.anonymous_id?.toString() ?? null,
    sessionId: row.session_id?.toString() ?? null,
    url: row.url,
    referrer: row.referrer,
    device: row.device,
    browser: row.browser,
    os: row.os,
    ip: row.ip,
    metadata: row.metadata,
  };
}
