import type { QueryRunner } from 'typeorm';
import { binary } from '../database/binary.js';
import { lowestId, storedIdTime } from '../events/event-id.js';

/**
 * By how much clocks of this installation may differ, and how long a key or an app may be committed after its id was made,
 * ms. What is younger is never judged by its id alone.
 */
export const CLOCK_LEEWAY_MS = 600_000;
/** A key that expired this long ago is refused for that by every process. */
const EXPIRED_FOR_S = CLOCK_LEEWAY_MS / 1000;
/** Apps with no more revoked keys than this in memory are left as they are. */
const COMPACT_FROM = 50;

const GOOD = `kid IN (?) AND (revoked_at IS NULL OR revoked_at > UTC_TIMESTAMP(3))
  AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())`;

/** Revoked keys that would still verify: of an app that is there, signed by a secret of the ring, not expired. */
const REVOKED = `SELECT k.id, k.app_id AS appId,
  TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), k.revoked_at) / 1000 AS revokedInMs,
  TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), k.expires_at) AS expiresInS
FROM api_keys k JOIN apps a ON a.id = k.app_id AND a.deleted_at IS NULL`;
const STILL_VERIFY = `k.revoked_at IS NOT NULL AND k.kid IN (?)
  AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP() - INTERVAL ${EXPIRED_FOR_S} SECOND)`;
const ALL = `${REVOKED} LEFT JOIN (SELECT app_id, MIN(id) AS id FROM api_keys WHERE ${GOOD} GROUP BY app_id) oldest
  ON oldest.app_id = k.app_id
WHERE ${STILL_VERIFY} AND (k.id >= ? OR k.id > oldest.id)`;
const CHANGED = `${REVOKED} WHERE ${STILL_VERIFY} AND k.updated_at >= UTC_TIMESTAMP(3) - INTERVAL ? SECOND`;
/** For each app with keys: the oldest that is good. */
const OLDEST = `SELECT k.app_id AS appId, MIN(IF(${GOOD}, k.id, NULL)) AS oldest
FROM api_keys k JOIN apps a ON a.id = k.app_id AND a.deleted_at IS NULL GROUP BY k.app_id`;
const OLDEST_OF_APP = `SELECT id AS oldest FROM api_keys WHERE app_id = ? AND id >= ? AND ${GOOD} ORDER BY id LIMIT 1`;

interface RevokedRow {
  id: Buffer;
  appId: Buffer;
  /** Milliseconds from the database's now; negative: past. */
  revokedInMs: string;
  /** Null: never. */
  expiresInS: string | null;
}

interface RevokedKey {
  appId: string;
  /** From when on it is refused, ms. */
  from: number;
  /** From when on it is refused as expired, and so can be forgotten, ms. */
  until: number;
}

/**
 * Which keys were revoked, in memory that does not grow with their number. A key is forgotten when it can no longer verify:
 * it has expired, its app was deleted, or its secret was taken away. Of the others each app has a bound, the id of its
 * oldest good key: ids begin with their time, so every older key is over and need not be remembered by itself. What an app
 * may revoke above that bound is limited (REVOKED_KEYS_MAX). Ids are 32 hex digits.
 */
export class RevokedKeys {
  private readonly keys = new Map<string, RevokedKey>();
  /** App id → keys with a lower id are over. */
  private readonly bounds = new Map<string, string>();

  /** @param kids names of the secrets with which keys may be signed */
  constructor(private readonly kids: readonly string[]) {}

  /** How many keys are remembered one by one. */
  get size(): number {
    return this.keys.size;
  }

  has(keyId: string, appId: string): boolean {
    const key = this.keys.get(keyId);
    if (key) return key.from <= Date.now();
    return this.isBelowBound(keyId, appId);
  }

  /** Everything, at start. */
  async readAll(runner: QueryRunner): Promise<void> {
    const now = Date.now();
    const apps: { appId: Buffer; oldest: Buffer | null }[] = await runner.query(OLDEST, [this.kids]);
    const rows: RevokedRow[] = await runner.query(ALL, [this.kids, this.kids, lowestId(now - CLOCK_LEEWAY_MS)]);
    this.remember(rows, now);
    for (const { appId, oldest } of apps) this.bounds.set(appId.toString('hex'), boundOf(oldest, now));
  }

  /** What changed in the last seconds. */
  async readChanges(runner: QueryRunner, sinceS: number): Promise<void> {
    this.remember(await runner.query(CHANGED, [this.kids, sinceS]), Date.now());
  }

  /** Forgets what need not be remembered. @param exists whether an app is there and not deleted */
  async forget(runner: QueryRunner, exists: (appId: string) => boolean): Promise<void> {
    const now = Date.now();
    const perApp = new Map<string, number>();
    for (const [id, { appId, until }] of this.keys) {
      if (until <= now || !exists(appId)) this.keys.delete(id);
      else perApp.set(appId, (perApp.get(appId) ?? 0) + 1);
    }
    for (const appId of this.bounds.keys()) if (!exists(appId)) this.bounds.delete(appId);
    for (const [appId, count] of perApp) if (count > COMPACT_FROM) await this.raiseBound(runner, appId, now);
    for (const [id, { appId, from }] of this.keys) {
      if (from <= now && this.isBelowBound(id, appId)) this.keys.delete(id);
    }
  }

  private isBelowBound(keyId: string, appId: string): boolean {
    const bound = this.bounds.get(appId);
    return bound !== undefined && keyId < bound;
  }

  private async raiseBound(runner: QueryRunner, appId: string, now: number): Promise<void> {
    const from = binary(this.bounds.get(appId) ?? '00'.repeat(16));
    const [found]: { oldest: Buffer }[] = await runner.query(OLDEST_OF_APP, [binary(appId), from, this.kids]);
    this.bounds.set(appId, boundOf(found?.oldest ?? null, now));
  }

  private remember(rows: readonly RevokedRow[], now: number): void {
    for (const { id, appId, revokedInMs, expiresInS } of rows) {
      const [keyId, app, from] = [id.toString('hex'), appId.toString('hex'), now + Math.floor(Number(revokedInMs))];
      if (this.isBelowBound(keyId, app) && from <= now) continue;
      this.keys.set(keyId, {
        appId: app,
        from,
        until: expiresInS === null ? Infinity : now + Number(expiresInS) * 1000 + CLOCK_LEEWAY_MS,
      });
    }
  }
}

/** Young keys are always remembered one by one: one that is being made may have a lower id than one that is over. */
function boundOf(oldest: Buffer | null, now: number): string {
  const young = lowestId(now - CLOCK_LEEWAY_MS).toString('hex');
  const id = oldest?.toString('hex');
  return id !== undefined && id < young ? id : young;
}

/** Whether an app that is not known must have been deleted: every process knows those that are older. @param readAt ms */
export function isOldApp(appId: string, readAt: number): boolean {
  return storedIdTime(appId) < readAt - CLOCK_LEEWAY_MS;
}
