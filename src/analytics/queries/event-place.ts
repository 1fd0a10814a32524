import type { EntityManager } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import { storedIdTime } from '../../events/event-id.js';

const OCCURRED = 'SELECT occurred_at AS occurredAt FROM events WHERE app_id IN (?) AND id = ? LIMIT 1';

/** Where an event stands among others, by when it occurred. */
export interface EventPlace {
  /** 32 hex digits. */
  id: string;
  /** ms */
  occurredAt: number;
}

/** An event that is gone gets the place that its id states. @param appIds at least one @param id 32 hex digits */
export async function placeOf(manager: EntityManager, appIds: readonly string[], id: string): Promise<EventPlace> {
  const [row]: { occurredAt: Date }[] = await manager.query(OCCURRED, [binaries(appIds), binary(id)]);
  return { id, occurredAt: row?.occurredAt.getTime() ?? Math.min(storedIdTime(id), Date.now()) };
}
