import { formatUuid } from '../../events/event-id.js';
import { ARCHIVED_USERS } from '../copy-targets.js';
import type { ReadModelStore } from '../read-model-store.js';
import type { ArchiveRepository } from './archive.repository.js';

const COPIED_APPS = `SELECT replaceAll(toString(app_id), '-', '') AS app FROM ${ARCHIVED_USERS} GROUP BY app_id`;
/** As the repository sums MySQL's rows. */
const COPIED = `SELECT day, toString(count()) AS users, toString(sum(toUInt64(CRC32(concat(toString(event), '/',
  leftPad(lower(hex(user_key)), 32, '0'), '/', toString(quarters0), '/', toString(quarters1)))))) AS checksum
FROM ${ARCHIVED_USERS} FINAL WHERE app_id = toUUID({app:String}) GROUP BY day`;

/** A day of an app whose archived users differ. */
export interface DifferingDay {
  /** 32 hex digits. */
  appId: string;
  day: number;
  inMysql: number;
  inClickhouse: number;
}

/**
 * Compares the archive with its copy by the number of users of each day, and a checksum over all their columns. Leaves out days
 * that are not copied yet.
 * @param without apps that are not compared, since something is being erased in them
 * @param firstDayOf the first day of an app that is compared; undefined: all of them
 */
export async function compareArchive(
  archive: ArchiveRepository,
  store: ReadModelStore,
  without: ReadonlySet<string> = new Set(),
  firstDayOf: ReadonlyMap<string, number> = new Map(),
): Promise<DifferingDay[]> {
  const apps = new Set(await archive.apps());
  for (const { app } of await store.ask<{ app: string }>(COPIED_APPS)) apps.add(app);
  for (const app of without) apps.delete(app);
  const differing: DifferingDay[] = [];
  for (const appId of apps) {
    // First: a day that is copied meanwhile is then left out.
    const waiting = await archive.waitingDays(appId);
    const answer = await store.patient.query({
      query: COPIED,
      query_params: { app: formatUuid(appId) },
      format: 'JSONEachRow',
    });
    const copied = await answer.json<{ day: number | string; users: string; checksum: string }>();
    const copyOf = new Map(copied.map((sum) => [Number(sum.day), sum]));
    const sums = await archive.sums(appId);
    const sumOf = new Map(sums.map((sum) => [sum.day, sum]));
    for (const day of await archive.waitingDays(appId)) waiting.add(day);
    for (const day of new Set([...sumOf.keys(), ...copyOf.keys()])) {
      const [stored, copy] = [sumOf.get(day), copyOf.get(day)];
      const isSame = stored?.users === Number(copy?.users ?? 0) && stored.checksum === copy?.checksum;
      if (isSame || waiting.has(day) || day < (firstDayOf.get(appId) ?? 0)) continue;
      differing.push({ appId, day, inMysql: stored?.users ?? 0, inClickhouse: Number(copy?.users ?? 0) });
    }
  }
  return differing;
}
