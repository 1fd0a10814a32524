import { QUARTER_MS } from '../../events/limits.js';
import { SqlValues } from '../../read-model/sql-values.js';
import type { LimitedQuestion } from '../../questions/read-model-questions.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import { lowerBound } from '../lower-bound.js';
import type { TimeRange } from '../time-range.js';
import { archivedSightings, keptSightings } from './archived-users.js';
import { askedRows, periodOf } from './asked-rows.js';

/** Events and distinct users of a bucket, or of a whole period. */
export interface BucketCount {
  count: number;
  uniqueUsers: number;
}

/** A series' period: all of it, and its buckets in order. */
export interface PeriodCounts extends BucketCount {
  buckets: BucketCount[];
}

interface SeriesRow {
  name: string;
  /** Second in which the bucket begins; 0: the whole period. */
  start: number;
  n: number;
  users: number;
}

const NONE: BucketCount = { count: 0, uniqueUsers: 0 };

/** Counts of one period. */
export interface SeriesQuestion extends Omit<LimitedQuestion, 'timeLimitMs'> {
  /** @returns by name of the event; '' for all events */
  read: (rows: readonly SeriesRow[]) => Map<string, PeriodCounts>;
}

/**
 * Buckets are found by their beginnings, which Node knows: the time zones of ClickHouse are of another release.
 * @param names undefined: all events together
 * @param buckets at least one, in order, without a gap @param now ms @param asOf up to when the copy is complete
 * @param withArchive also users of days whose events have expired: then the counts tell nothing
 * @returns undefined where nothing can have occurred
 */
export function seriesQuestion(
  apps: readonly AskedApp[],
  names: readonly string[] | undefined,
  range: TimeRange,
  buckets: readonly TimeRange[],
  now: number,
  asOf: Date,
  withArchive = false,
): SeriesQuestion | undefined {
  const period = periodOf(range);
  if (!period) return undefined;
  const values = new SqlValues();
  const starts = buckets.map(({ startQuarter }) => (startQuarter * QUARTER_MS) / 1000);
  // One text: chDB takes no arrays.
  const edges = `arrayMap(x -> toUInt32(x), splitByChar(',', ${values.add('String', starts.join())}))`;
  const rows = withArchive ? keptSightings(values, apps, period) : askedRows(values, apps, period, now);
  const named = names === undefined ? '' : ` AND event IN ${values.list('String', [...new Set(names)])}`;
  const name = names === undefined ? "'' AS name" : 'toString(event) AS name';
  const startOf = (second: string): string => `roundDown(${second}, ${edges}) AS start`;
  const second = 'toUInt32(toUnixTimestamp(occurred_at))';
  const archive = withArchive
    ? ` UNION ALL SELECT ${name}, ${startOf('at')}, user_key FROM (${archivedSightings(values, apps, period, named)})`
    : '';
  const of = (more: string): string =>
    `SELECT ${name}, ${startOf(second)}, user_key FROM events WHERE ${rows}${named}${more}${archive}`;
  const sets = 'GROUPING SETS ((name), (name, start))';
  const sql = `SELECT name, start, count() AS n, uniqExact(user_key) AS users FROM (${of('')}) GROUP BY ${sets}`;
  // Two statements see the same events: what was received until `asOf` is all copied.
  const settled = of(` AND received_at <= ${values.time(asOf.getTime())}`);
  const byUser = `SELECT name, start, user_key, count() AS one FROM (${settled}) GROUP BY name, start, user_key`;
  const ofBuckets = `SELECT name, start, sum(one) AS n, count() AS users FROM (${byUser}) GROUP BY name, start`;
  const ofAll = `SELECT name, toUInt32(0) AS start, count() AS n, uniqExact(user_key) AS users FROM (${settled}) GROUP BY name`;
  return {
    ...{ sql, thrifty: [ofBuckets, ofAll], params: values.params, appIds: idsOf(apps) },
    read: (found) => {
      const periods = new Map<string, PeriodCounts>();
      for (const name of names ?? ['']) periods.set(name, { ...NONE, buckets: buckets.map(() => ({ ...NONE })) });
      for (const { name, start, n, users } of found) {
        const own = periods.get(name)!;
        const told = start === 0 ? own : own.buckets[lowerBound(starts, (one) => one, start)]!;
        Object.assign(told, { count: n, uniqueUsers: users });
      }
      return periods;
    },
  };
}
