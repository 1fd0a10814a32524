import { InvalidInputError } from '../common/app-error.js';
import { DAY_MS, QUARTER_MS } from '../events/limits.js';
import { parseRangeBound, type RangeBound } from './range-bound.js';
import { firstMomentShowing } from './time-zone.js';

/** Quarter-hours since 1970 UTC; the end is exclusive. */
export interface TimeRange {
  startQuarter: number;
  endQuarter: number;
}

/** After every quarter-hour that a calendar of four-digit years can show. */
const OPEN_END = Math.floor(Date.UTC(10_000, 0, 2) / QUARTER_MS);

/**
 * From what was asked to quarter-hours. Days are whole days in the zone, the end's included; with clock times the start
 * is included, the end not; an end that is left out is open.
 * @param zone IANA name
 * @throws InvalidInputError naming the field
 */
export function timeRange(startDate: string | undefined, endDate: string | undefined, zone: string): TimeRange {
  const start = startDate === undefined ? { from: -Infinity, to: 0 } : quartersOf('startDate', startDate, zone);
  const end = endDate === undefined ? { from: OPEN_END, to: OPEN_END } : quartersOf('endDate', endDate, zone);
  // A day is before a time when it is over by then.
  const before = end.from === end.to ? end.to < start.from : end.to <= start.from;
  if (before) throw new InvalidInputError([{ field: 'endDate', message: 'must not be before startDate' }]);
  return { startQuarter: Math.max(start.from, 0), endQuarter: Math.max(end.to, 0) };
}

/** What a bound stands for: a whole day, or a single moment, whose `from` and `to` are the same. */
function quartersOf(field: string, text: string, zone: string): { from: number; to: number } {
  const bound = parseRangeBound(text);
  if (!bound) throw new InvalidInputError([{ field, message: 'is no date or time' }]);
  return bound.kind === 'day' ? dayQuarters(field, bound.localMs, zone) : momentQuarter(field, bound, zone);
}

function dayQuarters(field: string, localMs: number, zone: string): { from: number; to: number } {
  const from = firstMomentShowing(zone, localMs) / QUARTER_MS;
  const to = firstMomentShowing(zone, localMs + DAY_MS) / QUARTER_MS;
  // Zones that crossed the date line left a day out.
  if (from === to) throw new InvalidInputError([{ field, message: `is a day that did not exist in ${zone}` }]);
  return { from, to };
}

function momentQuarter(
  field: string,
  bound: Exclude<RangeBound, { kind: 'day' }>,
  zone: string,
): { from: number; to: number } {
  const stated = bound.kind === 'local' ? bound.localMs : bound.ms;
  if (stated % QUARTER_MS !== 0) {
    const message = 'must be on a quarter-hour of UTC: events are counted by quarter-hours';
    throw new InvalidInputError([{ field, message }]);
  }
  const quarter = (bound.kind === 'local' ? firstMomentShowing(zone, stated) : stated) / QUARTER_MS;
  return { from: quarter, to: quarter };
}
