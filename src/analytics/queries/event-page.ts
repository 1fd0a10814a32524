import { binary } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import { firstOverApps, laterId, pagesOfApps } from './by-apps.js';
import { conditions, type EventFilters } from './event-filters.js';
import { LISTED_COLUMNS, listed, type ListedEvent, type ListedRow } from './listed-event.js';

/**
 * Events are listed in the order of their ids, which begin with the time that their sender stated: so a page is read from the
 * primary key backwards. However rare what is looked for is, a question looks at SCANNED_AT_MOST events of each app.
 */
const SCANNED_AT_MOST = 20_000;

const FLOOR = `(SELECT id FROM events WHERE app_id = ? AND id >= ? AND id < ? ORDER BY id DESC
LIMIT 1 OFFSET ${SCANNED_AT_MOST - 1})`;

/**
 * The lowest id down to which the events of all these apps may be looked at; undefined when there are few enough to look at
 * all. @param from @param before ids, 16 bytes
 */
export async function scanFloor(
  manager: EntityManager,
  appIds: readonly string[],
  from: Buffer,
  before: Buffer,
): Promise<Buffer | undefined> {
  let floor: Buffer | undefined;
  for (const page of pagesOfApps(appIds)) {
    const lowest = floor ?? from;
    const [row]: { id: Buffer }[] = await manager.query(
      `${page.map(() => FLOOR).join(' UNION ALL ')} ORDER BY id DESC LIMIT 1`,
      page.flatMap((appId) => [binary(appId), lowest, before]),
    );
    if (row) floor = row.id;
  }
  return floor;
}

/** Newest first over all apps. @param appIds at least one @param from @param before ids, 16 bytes; before is exclusive */
export async function eventPage(
  manager: EntityManager,
  appIds: readonly string[],
  { from, before, limit }: { from: Buffer; before: Buffer; limit: number },
  filters: EventFilters,
): Promise<ListedEvent[]> {
  const { sql, parameters } = conditions(filters);
  const part = `(SELECT ${LISTED_COLUMNS} FROM events WHERE app_id = ? AND id >= ? AND id < ?${sql} ORDER BY id DESC LIMIT ?)`;
  const rows = await firstOverApps<ListedRow>(
    appIds,
    limit,
    (a, b) => laterId(a.id, b.id),
    (page) =>
      manager.query(`${page.map(() => part).join(' UNION ALL ')} ORDER BY id DESC LIMIT ?`, [
        ...page.flatMap((appId) => [binary(appId), from, before, ...parameters, limit]),
        limit,
      ]),
  );
  return rows.map(listed);
}
