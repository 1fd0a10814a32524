import { lowestId } from '../../events/event-id.js';
import { DAY_MS, FUTURE_TOLERANCE_MS, QUARTER_MS } from '../../events/limits.js';
import { SqlValues } from '../../read-model/sql-values.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import type { TimeRange } from '../time-range.js';

/** ms since 1970 UTC; the end is not included, and undefined where it is open. */
export interface Period {
  from: number;
  before?: number;
}

/** ClickHouse's dates end in 2149. Nothing occurs later than now. */
const PAST_EVERY_EVENT = Date.UTC(2149, 0, 1);

/** @returns undefined where nothing can have occurred */
export function periodOf({ startQuarter, endQuarter }: TimeRange): Period | undefined {
  const [from, before] = [startQuarter * QUARTER_MS, endQuarter * QUARTER_MS];
  if (before <= from || from >= PAST_EVERY_EVENT) return undefined;
  return before >= PAST_EVERY_EVENT ? { from } : { from, before };
}

/**
 * Conditions for the events of some apps in a period. Ones that have expired are left out, though they may be there until
 * retention has deleted them: by the time in their id, and, where that is of the future, by their receipt.
 * @param apps at least one @param now ms
 */
export function askedRows(values: SqlValues, apps: readonly AskedApp[], { from, before }: Period, now: number): string {
  const conditions = [values.apps(idsOf(apps)), `occurred_at >= ${values.time(from)}`];
  if (before !== undefined) conditions.push(`occurred_at < ${values.time(before)}`);
  for (const [fence, appIds] of fencesAfter(apps, from)) {
    const expired = `id < ${values.uint128(lowestId(fence).toString('hex'))}`;
    const future = `id > ${values.uint128(lowestId(now + DAY_MS).toString('hex'))}`;
    const received = `received_at < ${values.time(fence - FUTURE_TOLERANCE_MS)}`;
    conditions.push(`NOT (${values.apps(appIds)} AND (${expired} OR (${future} AND ${received})))`);
  }
  return conditions.join(' AND ');
}

/** Apps by the moment before which their events have expired, where it is after `from`. Apps of the same retention share one. */
function fencesAfter(apps: readonly AskedApp[], from: number): Map<number, string[]> {
  const fences = new Map<number, string[]>();
  for (const { id, deletedBefore } of apps) {
    const fence = deletedBefore?.getTime() ?? 0;
    if (fence > from) fences.set(fence, [...(fences.get(fence) ?? []), id]);
  }
  return fences;
}

/** Whether the range begins before raw events of one of the apps expired: their counts are kept in MySQL alone. */
export function reachesExpired(apps: readonly AskedApp[], range: TimeRange): boolean {
  return keptFrom(apps, range) !== undefined;
}

/** @returns the moment before which events of one of the apps have expired; undefined where the range begins later */
export function keptFrom(apps: readonly AskedApp[], { startQuarter }: TimeRange): Date | undefined {
  const last = Math.max(0, ...apps.map(({ deletedBefore }) => deletedBefore?.getTime() ?? 0));
  return startQuarter * QUARTER_MS < last ? new Date(last) : undefined;
}
