import { InvalidInputError } from '../common/app-error.js';
import { DAY_MS, QUARTER_MS } from '../events/limits.js';
import { parseRangeBound, type RangeBound } from './range-bound.js';
import { firstMomentShowing } from './time-zone.js';

/** Quarter-hours since 1970 UTC; the end is exclusive. */
export interface TimeRange {
  startQuarter: number;
  endQuarter: number;
}

/** Which of a UTC day's 96 quarter-hours are asked for: 48 bits a half, bit 0 the first quarter-hour. */
export interface DayMask {
  day: number;
  mask0: number;
  mask1: number;
}

/** A range as the table of distinct users is asked: the days from first to last, both with their quarter-hours. */
export interface DayRange {
  first: DayMask;
  last: DayMask;
}

const QUARTERS_A_DAY = 96;
const QUARTERS_A_HALF_DAY = 48;
/** After every quarter-hour that a column can hold and a calendar of four-digit years can show. */
const OPEN_END = Math.floor(Date.UTC(10_000, 0, 2) / QUARTER_MS);

/**
 * From what was asked to quarter-hours. Days are whole days in the zone, the end's included; with clock times the start
 * is included, the end not; an end that is left out is open.
 * @param zone IANA name
 * @throws InvalidInputError naming the field
 */
export function timeRange(startDate: string | undefined, endDate: string | undefined, zone: string): TimeRange {
  const start = startDate === undefined ? 0 : quarterOf('startDate', startDate, zone, 0);
  const end = endDate === undefined ? OPEN_END : quarterOf('endDate', endDate, zone, DAY_MS);
  if (end < start) throw new InvalidInputError([{ field: 'endDate', message: 'must not be before startDate' }]);
  return { startQuarter: Math.max(start, 0), endQuarter: Math.max(end, 0) };
}

/** Undefined when the range is empty. */
export function dayRange({ startQuarter, endQuarter }: TimeRange): DayRange | undefined {
  if (endQuarter <= startQuarter) return undefined;
  const lastQuarter = endQuarter - 1;
  const firstDay = Math.floor(startQuarter / QUARTERS_A_DAY);
  const lastDay = Math.floor(lastQuarter / QUARTERS_A_DAY);
  const from = startQuarter % QUARTERS_A_DAY;
  const to = lastQuarter % QUARTERS_A_DAY;
  if (firstDay === lastDay) {
    const only = dayMask(firstDay, from, to);
    return { first: only, last: only };
  }
  return { first: dayMask(firstDay, from, QUARTERS_A_DAY - 1), last: dayMask(lastDay, 0, to) };
}

function dayMask(day: number, from: number, to: number): DayMask {
  return {
    day,
    mask0: bits(from, Math.min(to, QUARTERS_A_HALF_DAY - 1)),
    mask1: bits(Math.max(from - QUARTERS_A_HALF_DAY, 0), to - QUARTERS_A_HALF_DAY),
  };
}

/** The bits from..to, both included. Powers, not shifts: JavaScript's shifts end at 32 bits. */
function bits(from: number, to: number): number {
  return to < from ? 0 : 2 ** (to + 1) - 2 ** from;
}

/** @param wholeDayMs what a bare date stands for beyond its beginning: nothing at the start, the day at the end */
function quarterOf(field: string, text: string, zone: string, wholeDayMs: number): number {
  const bound = parseRangeBound(text);
  if (!bound) throw new InvalidInputError([{ field, message: 'is no date or time' }]);
  const quarter = momentOf(bound, zone, wholeDayMs) / QUARTER_MS;
  const onTheQuarter = Number.isInteger(quarter) && (bound.kind !== 'local' || bound.localMs % QUARTER_MS === 0);
  if (onTheQuarter) return quarter;
  throw new InvalidInputError([
    { field, message: 'must be on a quarter-hour of UTC: events are counted by quarter-hours' },
  ]);
}

function momentOf(bound: RangeBound, zone: string, wholeDayMs: number): number {
  if (bound.kind === 'moment') return bound.ms;
  return firstMomentShowing(zone, bound.localMs + (bound.kind === 'day' ? wholeDayMs : 0));
}
