import { DAY_MS, QUARTER_MS, QUARTERS_A_DAY } from '../../events/limits.js';
import { SqlValues } from '../../read-model/sql-values.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import type { Period } from './asked-rows.js';

const HALF_A_DAY = QUARTERS_A_DAY / 2;
/** Quarter-hours of a day in which a user was seen. */
const QUARTERS_SEEN = `arrayConcat(bitPositionsToArray(quarters0), arrayMap(x -> x + ${HALF_A_DAY}, bitPositionsToArray(quarters1)))`;

/**
 * Conditions for the archived users of some apps in a period: whole days, and for its first and last day the quarter-hours inside
 * the period.
 */
export function archivedRows(values: SqlValues, apps: readonly AskedApp[], period: Period): string {
  const conditions = [...ofDays(values, apps, period)];
  for (const [day, from, before] of partialDays(period)) {
    const masks = [mask(from, before, 0), mask(from, before, 1)].map((bits) => values.add('UInt64', bits));
    const seen = masks.map((bits, half) => `bitAnd(quarters${half}, ${bits}) != 0`).join(' OR ');
    conditions.push(`(day != ${values.add('UInt32', day)} OR ${seen})`);
  }
  return conditions.join(' AND ');
}

/**
 * The same users once for each quarter-hour in which they were seen: `event`, `user_key`, and `at`, its first second since 1970.
 * @param condition which events, beginning with AND, or ''
 */
export function archivedSightings(
  values: SqlValues,
  apps: readonly AskedApp[],
  period: Period,
  condition: string,
): string {
  const days = ofDays(values, apps, period).join(' AND ');
  const at = `toUInt32(day * ${DAY_MS / 1000} + ${QUARTER_MS / 1000} * arrayJoin(${QUARTERS_SEEN}))`;
  const seen = `SELECT event, user_key, ${at} AS at FROM archived_users WHERE ${days}${condition}`;
  const bounds = [`at >= ${values.add('UInt64', period.from / 1000)}`];
  if (period.before !== undefined) bounds.push(`at < ${values.add('UInt64', period.before / 1000)}`);
  return `SELECT event, user_key, at FROM (${seen}) WHERE ${bounds.join(' AND ')}`;
}

/**
 * Conditions for the events that count beside the archive. Expired events that are not deleted yet count, since they may not be
 * archived yet. Events of days whose counts an app drops do not.
 */
export function keptSightings(values: SqlValues, apps: readonly AskedApp[], { from, before }: Period): string {
  const conditions = [values.apps(idsOf(apps)), `occurred_at >= ${values.time(from)}`];
  if (before !== undefined) conditions.push(`occurred_at < ${values.time(before)}`);
  for (const [day, appIds] of droppedDays(apps)) {
    conditions.push(`NOT (${values.apps(appIds)} AND occurred_at < ${values.time(day * DAY_MS)})`);
  }
  return conditions.join(' AND ');
}

function ofDays(values: SqlValues, apps: readonly AskedApp[], { from, before }: Period): string[] {
  const conditions = [values.apps(idsOf(apps)), `day >= ${values.add('UInt32', Math.floor(from / DAY_MS))}`];
  if (before !== undefined) conditions.push(`day < ${values.add('UInt32', Math.ceil(before / DAY_MS))}`);
  for (const [day, appIds] of droppedDays(apps)) {
    conditions.push(`NOT (${values.apps(appIds)} AND day < ${values.add('UInt32', day)})`);
  }
  return conditions;
}

/** Apps that drop the counts of expired days, by the first day whose counts are kept. */
function droppedDays(apps: readonly AskedApp[]): Map<number, string[]> {
  const days = new Map<number, string[]>();
  for (const { id, deletedBefore, retentionRollups } of apps) {
    if (retentionRollups === 'keep' || deletedBefore === null) continue;
    const day = Math.floor(deletedBefore.getTime() / DAY_MS);
    days.set(day, [...(days.get(day) ?? []), id]);
  }
  return days;
}

/** Days that lie partly in a period: the day, and its quarter-hours inside; the last one is not included. */
function partialDays({ from, before }: Period): [day: number, from: number, before: number][] {
  const [first, end] = [from / QUARTER_MS, before === undefined ? Infinity : before / QUARTER_MS];
  const days = new Set([Math.floor(first / QUARTERS_A_DAY)]);
  if (before !== undefined) days.add(Math.floor(end / QUARTERS_A_DAY));
  return [...days].flatMap((day): [number, number, number][] => {
    const start = day * QUARTERS_A_DAY;
    const [low, high] = [Math.max(first - start, 0), Math.min(end - start, QUARTERS_A_DAY)];
    return low < high && high - low < QUARTERS_A_DAY ? [[day, low, high]] : [];
  });
}

/** Bits of the quarter-hours of a half of a day. @param before not included */
function mask(from: number, before: number, half: number): number {
  let bits = 0;
  for (let quarter = 0; quarter < HALF_A_DAY; quarter += 1) {
    const ofDay = half * HALF_A_DAY + quarter;
    if (ofDay >= from && ofDay < before) bits += 2 ** quarter;
  }
  return bits;
}
