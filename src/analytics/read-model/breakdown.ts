import { SqlValues } from '../../read-model/sql-values.js';
import type { LimitedQuestion } from '../../questions/read-model-questions.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import { METADATA_PREFIX, type NamedDimension } from '../dimensions.js';
import type { Breakdown, ValueCount } from '../queries/breakdown.js';
import { archivedRows, keptSightings } from './archived-users.js';
import { askedRows, type Period } from './asked-rows.js';
import { columnDimension, metadataDimension } from './dimensions.js';
import { type AskedFilters, filterConditions } from './filters.js';

interface BreakdownRow {
  value: string | null;
  n: number;
  users: number;
  total: number;
}

/** The most frequent values of a dimension. */
export interface BreakdownQuestion extends Omit<LimitedQuestion, 'timeLimitMs'> {
  read: (rows: readonly BreakdownRow[]) => Breakdown<ValueCount>;
}

/** @param by a dimension that {@link isDimension} knows @param now ms */
export function breakdownQuestion(
  apps: readonly AskedApp[],
  by: string,
  period: Period,
  filters: AskedFilters,
  limit: number,
  now: number,
): BreakdownQuestion {
  const values = new SqlValues();
  const { cut, emptyIsNone } = by.startsWith(METADATA_PREFIX)
    ? metadataDimension(values, by.slice(METADATA_PREFIX.length))
    : columnDimension(by as NamedDimension);
  const rows = askedRows(values, apps, period, now) + filterConditions(values, filters);
  const first = values.add('UInt32', limit);
  const ofValues = (counts: string) =>
    `SELECT value, n, users, sum(n) OVER () AS total FROM (${counts}) ORDER BY n DESC, value ASC NULLS FIRST LIMIT ${first}`;
  const counted = `SELECT ${cut} AS value, count() AS n, uniqExact(user_key) AS users FROM events WHERE ${rows} GROUP BY value`;
  const byUser = `SELECT ${cut} AS value, user_key, count() AS one FROM events WHERE ${rows} GROUP BY value, user_key`;
  const thrifty = `SELECT value, sum(one) AS n, count() AS users FROM (${byUser}) GROUP BY value`;
  return {
    ...{ sql: ofValues(counted), thrifty: [ofValues(thrifty)] },
    ...{ params: values.params, appIds: idsOf(apps) },
    read: (found) => ({
      total: found[0]?.total ?? 0,
      rows: found.map(({ value, n, users }) => ({
        value: value === '' && emptyIsNone ? null : value,
        count: n,
        uniqueUsers: users,
      })),
    }),
  };
}

/** @returns a question for the distinct users of each of these names, the archive included. @param names at least one */
export function usersOfNames(
  apps: readonly AskedApp[],
  names: readonly string[],
  period: Period,
): Omit<LimitedQuestion, 'timeLimitMs'> {
  const values = new SqlValues();
  const named = `event IN ${values.list('String', names)}`;
  const seen = `SELECT event, user_key FROM events WHERE ${keptSightings(values, apps, period)} AND ${named}
UNION ALL SELECT event, user_key FROM archived_users WHERE ${archivedRows(values, apps, period)} AND ${named}`;
  const sql = `SELECT toString(event) AS name, uniqExact(user_key) AS users FROM (${seen}) GROUP BY name`;
  const byUser = `SELECT toString(event) AS name, user_key FROM (${seen}) GROUP BY name, user_key`;
  const thrifty = [`SELECT name, count() AS users FROM (${byUser}) GROUP BY name`];
  return { sql, thrifty, params: values.params, appIds: idsOf(apps) };
}
