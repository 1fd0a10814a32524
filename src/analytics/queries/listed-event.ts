import type { Device } from '../../events/event.js';

/** Of `events`. */
export const LISTED_COLUMNS = `id, app_id, event_id, event, occurred_at, received_at, user_id, anonymous_id, session_id, url, referrer,
  device, browser, os, ip, metadata`;

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

/** As MySQL answers {@link LISTED_COLUMNS}. */
export interface ListedRow {
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

export function listed(row: ListedRow): ListedEvent {
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
