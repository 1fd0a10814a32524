import type { EntityManager } from 'typeorm';
import type { Device } from '../../events/event.js';

/**
 * The newest events of a person in one app, read backwards from the index events_user. The index gives the time of the
 * last that can be among them; then only those from that time on are put in their full order.
 */
const RECENT_EVENTS = `(SELECT id, event, url, occurred_at, device FROM events
WHERE app_id = ? AND user_key = ? AND occurred_at >= COALESCE((
  SELECT occurred_at FROM events WHERE app_id = ? AND user_key = ? ORDER BY occurred_at DESC LIMIT 1 OFFSET ?
), '1970-01-01')
ORDER BY occurred_at DESC, id DESC LIMIT ?)`;

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
  const key = Buffer.from(userKey, 'hex');
  const parameters = appIds.flatMap((id) => {
    const app = Buffer.from(id, 'hex');
    return [app, key, app, key, limit - 1, limit];
  });
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
