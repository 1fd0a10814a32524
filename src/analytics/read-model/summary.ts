import { type Device, DEVICES } from '../../events/event.js';
import { QUARTER_MS } from '../../events/limits.js';
import { SqlValues } from '../../read-model/sql-values.js';
import type { ReadModelQuestion } from '../../read-model/questions/read-model-reader.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import type { CountedSpan, EventCounts } from '../queries/event-counts.js';
import { archivedRows, keptSightings } from './archived-users.js';
import { askedRows, type Period } from './asked-rows.js';

/** The devices are written out: grouping by them would count a user of two devices twice. */
const SUMMARY = `SELECT ${DEVICES.map((device) => `countIf(device = '${device}') AS ${device}`).join(', ')},
  uniqExact(user_key) AS users,
  toUnixTimestamp64Milli(min(occurred_at)) AS first, toUnixTimestamp64Milli(max(occurred_at)) AS last
FROM events WHERE `;

type SummaryRow = Record<Device | 'users' | 'first' | 'last', number>;

/** What `event-summary` tells of the events of a range. */
export interface Summary {
  counts: EventCounts;
  users: number;
  /** Undefined where there are none. */
  span?: CountedSpan;
}

/** @param event undefined for all events @param now ms */
export function summaryQuestion(
  apps: readonly AskedApp[],
  event: string | undefined,
  period: Period,
  now: number,
): Omit<ReadModelQuestion, 'timeLimitMs'> {
  const values = new SqlValues();
  const rows = askedRows(values, apps, period, now);
  const named = event === undefined ? '' : ` AND event = ${values.add('String', event)}`;
  return { sql: SUMMARY + rows + named, params: values.params, appIds: idsOf(apps) };
}

/**
 * Distinct users of a range that begins before events expired, the archive included.
 * @param event undefined for all events
 */
export function usersQuestion(
  apps: readonly AskedApp[],
  event: string | undefined,
  period: Period,
): Omit<ReadModelQuestion, 'timeLimitMs'> {
  const values = new SqlValues();
  const named = event === undefined ? '' : ` AND event = ${values.add('String', event)}`;
  const sql = `SELECT uniqExact(user_key) AS users FROM (
SELECT user_key FROM events WHERE ${keptSightings(values, apps, period)}${named}
UNION ALL SELECT user_key FROM archived_users WHERE ${archivedRows(values, apps, period)}${named})`;
  return { sql, params: values.params, appIds: idsOf(apps) };
}

export function readSummary([row]: readonly SummaryRow[]): Summary {
  const { users, first, last, ...counts } = row!;
  if (Object.values(counts).every((n) => n === 0)) return { counts: {}, users: 0 };
  return { counts, users, span: { first: Math.floor(first / QUARTER_MS), last: Math.floor(last / QUARTER_MS) } };
}
