import type { EntityManager } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import { pagesOfApps } from './by-apps.js';
import type { EventKey } from './event-outcome.js';
import { LISTED_COLUMNS, listed, type ListedEvent, type ListedRow } from './listed-event.js';

/** From the primary key. */
const OF_APP = `SELECT ${LISTED_COLUMNS} FROM events WHERE app_id = ? AND id IN (?)`;

/** @returns the events in the order of their keys; those that are gone are left out. Without keys there are none. */
export async function eventsByKey(manager: EntityManager, keys: readonly EventKey[]): Promise<ListedEvent[]> {
  const idsByApp = new Map<string, string[]>();
  for (const { appId, id } of keys) idsByApp.set(appId, [...(idsByApp.get(appId) ?? []), id]);
  const found = new Map<string, ListedEvent>();
  for (const page of pagesOfApps([...idsByApp.keys()])) {
    const rows: ListedRow[] = await manager.query(
      page.map(() => OF_APP).join(' UNION ALL '),
      page.flatMap((appId) => [binary(appId), binaries(idsByApp.get(appId)!)]),
    );
    for (const event of rows.map(listed)) found.set(nameOf(event), event);
  }
  return keys.flatMap((key) => found.get(nameOf(key)) ?? []);
}

function nameOf({ appId, id }: EventKey): string {
  return `${appId} ${id}`;
}
