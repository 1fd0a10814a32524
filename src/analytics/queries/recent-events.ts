import { binary } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import { firstOverApps, laterId } from './by-apps.js';
import { lowestId } from '../../events/event-id.js';
import type { Device } from '../../events/event.js';

/**
 * The events of a person in one app since a moment, from the index events_user. What occurred then or later has an id of
 * that time or later (occurred_at only ever moves back), so older months are not looked into.
 */
const EVENTS_SINCE = `(SELECT id, event, url, occurred_at, device FROM events
WHERE app_id = ? AND user_key = ? AND id >= ? AND occurred_at >= ?
ORDER BY occurred_at DESC, id DESC LIMIT ?)`;

export interface RecentEvent {
  /** 32 hex digits. */
  id: string;
  event: string;
  url: string | null;
  occurredAt: Date;
  device: Device;
}

interface Row {
  id: Buffer;
  event: Buffer;
  url: string | null;
  occurred_at: Date;
  device: Device;
}

/** When a person was active, to tell where their newest events are. */
export interface Activity {
  /** At least one; 32 hex digits each. */
  appIds: readonly string[];
  /** 32 hex digits. */
  userKey: string;
  totalEvents: number;
  /** ms */
  firstSeen: number;
  lastSeen: number;
}

/** A person's newest events over all these apps: looked for where twice as many should be, then everywhere. */
export async function recentEvents(manager: EntityManager, person: Activity, limit: number): Promise<RecentEvent[]> {
  const { firstSeen, lastSeen, totalEvents } = person;
  const guess = lastSeen - Math.ceil(((lastSeen - firstSeen) * limit * 2) / Math.max(totalEvents, 1));
  const rows = await eventsSince(manager, person, Math.max(guess, firstSeen), limit);
  return rows.length < limit && guess > firstSeen ? eventsSince(manager, person, firstSeen, limit) : rows;
}

async function eventsSince(
  manager: EntityManager,
  { appIds, userKey }: Activity,
  since: number,
  limit: number,
): Promise<RecentEvent[]> {
  const key = binary(userKey);
  const rows = await firstOverApps<Row>(
    appIds,
    limit,
    (a, b) => b.occurred_at.getTime() - a.occurred_at.getTime() || laterId(a.id, b.id),
    (page) =>
      manager.query(`${page.map(() => EVENTS_SINCE).join(' UNION ALL ')} ORDER BY occurred_at DESC, id DESC LIMIT ?`, [
        ...page.flatMap((id) => [binary(id), key, lowestId(since), new Date(since), limit]),
        limit,
      ]),
  );
  return rows.map((row) => ({
    id: row.id.toString('hex'),
    event: row.event.toString(),
    url: row.url,
    occurredAt: row.occurred_at,
    device: row.device,
  }));
}
