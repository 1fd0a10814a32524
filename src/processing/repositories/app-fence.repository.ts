import { Repository } from 'typeorm';
import type { App } from '../../database/entities/index.js';
import { userKeysOf } from '../../events/person.js';
import { binary } from '../../database/binary.js';

/**
 * Read with a shared lock that is held until the chunk commits: whoever sets a fence (retention, erasures) waits for the
 * chunks under way, and every later chunk sees it.
 */
const APPS = `SELECT LOWER(HEX(id)) AS appId, deleted_before AS deletedBefore, deleted_at IS NOT NULL AS deleted
FROM apps WHERE id IN (?) ORDER BY id LOCK IN SHARE MODE`;

const TOMBSTONES = `SELECT LOWER(HEX(app_id)) AS appId, user_value AS userValue, requested_at AS requestedAt
FROM erasures WHERE finished_at IS NULL AND subject = 'person' AND app_id IN (?)`;

/** A person whose events received up to a moment are not to be stored. */
export interface Tombstone {
  /** Of every kind the id may be; 32 hex digits each. */
  userKeys: ReadonlySet<string>;
  /** ms; later events of the same person are welcome. */
  receivedUntil: number;
}

/** What must not be stored for an app any more. */
export interface AppFence {
  /** ms: events whose id's time is before it have expired. */
  deletedBefore?: number;
  /** Nothing of it is stored. */
  deleted: boolean;
  tombstones: Tombstone[];
}

/** Owns the SQL by which a chunk learns what has expired or was erased. Use in the chunk's transaction. */
export class AppFenceRepository extends Repository<App> {
  /** @param appIds 32 hex digits each @returns by app id; an app that is not there has no fence */
  async fences(appIds: readonly string[]): Promise<Map<string, AppFence>> {
    const fences = new Map<string, AppFence>();
    if (appIds.length === 0) return fences;
    const ids = appIds.map(binary);
    const apps: { appId: string; deletedBefore: Date | null; deleted: number | string }[] = await this.manager.query(
      APPS,
      [ids],
    );
    for (const { appId, deletedBefore, deleted } of apps) {
      fences.set(appId, {
        deletedBefore: deletedBefore?.getTime(),
        deleted: Number(deleted) === 1,
        tombstones: [],
      });
    }
    // A statement of its own, after the lock: at READ COMMITTED it sees every tombstone set before it.
    const rows: { appId: string; userValue: Buffer; requestedAt: Date }[] = await this.manager.query(TOMBSTONES, [ids]);
    for (const { appId, userValue, requestedAt } of rows) {
      fences.get(appId)?.tombstones.push(tombstone(userValue.toString(), requestedAt.getTime()));
    }
    return fences;
  }
}

function tombstone(userValue: string, receivedUntil: number): Tombstone {
  return { userKeys: new Set(userKeysOf(userValue)), receivedUntil };
}
