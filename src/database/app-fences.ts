import type { EntityManager } from 'typeorm';
import { userKeysOf } from '../events/person.js';
import { binaries } from './binary.js';

/**
 * Read with a shared lock that is held until the transaction ends: whoever sets a fence (retention, erasures) waits for
 * those who store events, or put them into the buffer again, and every later one sees it.
 */
const APPS = `SELECT LOWER(HEX(id)) AS appId, deleted_before AS deletedBefore, deleted_at IS NOT NULL AS deleted
FROM apps WHERE id IN (?) ORDER BY id LOCK IN SHARE MODE`;

const TOMBSTONES = `SELECT LOWER(HEX(app_id)) AS appId, user_value AS userValue, requested_at AS requestedAt
FROM erasures WHERE finished_at IS NULL AND subject = 'person' AND app_id IN (?)`;

/**
 * People whose events received up to a moment (ms) are not to be stored, by each key that they may have (32 hex digits).
 * Later events of the same person are welcome.
 */
export type Tombstones = ReadonlyMap<string, number>;

/** What must not be stored for an app any more. */
export interface AppFence {
  /** ms: events whose id's time is before it have expired. */
  deletedBefore?: number;
  /** Nothing of it is stored. */
  deleted: boolean;
  tombstones: Tombstones;
}

/**
 * What has expired or was erased, told in a transaction at READ COMMITTED that stores events, or replays them.
 * @param appIds 32 hex digits each
 * @returns by app id; an app that is not there has no fence
 */
export async function appFences(manager: EntityManager, appIds: readonly string[]): Promise<Map<string, AppFence>> {
  const fences = new Map<string, AppFence>();
  if (appIds.length === 0) return fences;
  const ids = binaries(appIds);
  const apps: { appId: string; deletedBefore: Date | null; deleted: number | string }[] = await manager.query(APPS, [
    ids,
  ]);
  // A statement of its own, after the lock: it sees every tombstone set before it.
  const rows: { appId: string; userValue: Buffer; requestedAt: Date }[] = await manager.query(TOMBSTONES, [ids]);
  for (const { appId, deletedBefore, deleted } of apps) {
    fences.set(appId, {
      deletedBefore: deletedBefore?.getTime(),
      deleted: Number(deleted) === 1,
      tombstones: tombstones(rows.filter((row) => row.appId === appId)),
    });
  }
  return fences;
}

function tombstones(rows: readonly { userValue: Buffer; requestedAt: Date }[]): Tombstones {
  const until = new Map<string, number>();
  for (const { userValue, requestedAt } of rows) {
    for (const key of userKeysOf(userValue.toString())) {
      until.set(key, Math.max(until.get(key) ?? 0, requestedAt.getTime()));
    }
  }
  return until;
}
