import type { DataSource } from 'typeorm';
import { lowestId } from '../../events/event-id.js';
import { DAY_MS, FUTURE_TOLERANCE_MS } from '../../events/limits.js';

const FENCES =
  'SELECT LOWER(HEX(id)) AS app, deleted_before AS deletedBefore FROM apps WHERE deleted_before IS NOT NULL';
const ERASED_NOW = 'SELECT DISTINCT LOWER(HEX(app_id)) AS app FROM erasures WHERE finished_at IS NULL';

/** Which of an app's events have not expired. Ids are 32 hex digits. */
export interface KeptEvents {
  lowestId: string;
  /** Events with a higher id expire by their receipt. */
  highestId: string;
  /** ms: when such an event was received at the earliest. */
  receivedFrom: number;
}

/** What a comparison of the read model with MySQL must leave out, since MySQL deletes it first. */
export interface LeftOut {
  /** Apps in which something is being erased; 32 hex digits each. */
  apps: ReadonlySet<string>;
  /** Expired events are deleted from MySQL within minutes, and from the read model within a day. */
  keptOf: (app: string) => KeptEvents;
}

/** @param now ms */
export async function leftOut(dataSource: DataSource, now: number): Promise<LeftOut> {
  const erased: { app: string }[] = await dataSource.query(ERASED_NOW);
  const fences: { app: string; deletedBefore: Date }[] = await dataSource.query(FENCES);
  const keptFrom = new Map(fences.map(({ app, deletedBefore }) => [app, deletedBefore.getTime()]));
  const highestId = lowestId(now + DAY_MS).toString('hex');
  return {
    apps: new Set(erased.map(({ app }) => app)),
    keptOf: (app) => {
      const from = keptFrom.get(app) ?? 0;
      const receivedFrom = Math.max(0, from - FUTURE_TOLERANCE_MS);
      return { lowestId: lowestId(from).toString('hex'), highestId, receivedFrom };
    },
  };
}

/** Whether an event has not expired. */
export function isKept({ id, receivedAt }: { id: string; receivedAt: number }, kept: KeptEvents): boolean {
  return id >= kept.lowestId && (id <= kept.highestId || receivedAt >= kept.receivedFrom);
}
