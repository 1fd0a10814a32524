import type { EntityManager } from 'typeorm';
import type { Device } from '../../events/event.js';

/** The newest events of a person in one app, read backwards from the index events_user. */
const RECENT_EVENTS = `(SELECT id, event, url, occurred_at, device FROM events
WHERE app_id = ? AND user_key = ? ORDER BY occurred_at DESC, id DESC LIMIT ?)`;

export interface RecentEvent {
  event: string;
  url: string | null;
  occurredAt: Date;
  device: Device;
}

interface Row {
  event: Buffer;
  url: string | null;
  occurred_at: Date;
  device: Device;
}

/** The newest of all apps: the newest of each, side by side. @param appIds at least one @param userKey 32 hex digits */
export async function recentEvents(
  manager: EntityManager,
  appIds: readonly string[],
  userKey: string,
  limit: number,
): Promise<RecentEvent[]> {
  const parts = appIds.map(() => RECENT_EVENTS).join(' UNION ALL ');
  const parameters = appIds.flatMap((id) => [Buffer.from(id, 'hex'), Buffer.from(userKey, 'hex'), limit]);
  const rows: Row[] = await manager.query(`${parts} ORDER BY occurred_at DESC, id DESC LIMIT ?`, [
    ...parameters,
    limit,
  ]);
  return rows.map((row) => ({
    event: row.event.toString(),
    url: row.url,
    occurredAt: row.occurred_at,
    device: row.device,
  }));
}
