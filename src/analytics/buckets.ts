import { DAY_MS, MINUTE_MS, QUARTER_MS } from '../events/limits.js';
import type { TimeRange } from './time-range.js';
import { firstMomentShowing, zoneClock } from './time-zone.js';

export const INTERVALS = ['hour', 'day', 'week', 'month'] as const;
export type Interval = (typeof INTERVALS)[number];

/** A piece of a range, by the clock and calendar of a zone. */
export interface Bucket extends TimeRange {
  /** How the zone's clock names its beginning: 2026-11-25T13:00, 2026-11-25 (of a week: its Monday), 2026-11. */
  label: string;
  /** Whether the range holds all of it. */
  whole: boolean;
}

const HOUR_MS = 60 * MINUTE_MS;
/** 5 January 1970 was a Monday (ISO 8601 begins weeks with it). */
const A_MONDAY_MS = 4 * DAY_MS;

/**
 * The buckets of a range, in order, without a gap. A generator, so that the caller can let others go on in between: each
 * bucket costs some look-ups of the zone. An hour that the clock shows twice is one bucket of two hours, one that it jumps
 * over is none; days and longer are as long as the calendar says.
 * @param zone IANA name
 * @param limit one more than this is not made
 */
export function* buckets(range: TimeRange, interval: Interval, zone: string, limit: number): Generator<Bucket> {
  const startMs = range.startQuarter * QUARTER_MS;
  const clock = zoneClock(zone);
  let local = beginning(startMs + clock(startMs), interval);
  let from = firstMomentShowing(clock, local) / QUARTER_MS;
  for (let made = 0; made <= limit && from < range.endQuarter;) {
    const next = following(local, interval);
    const to = firstMomentShowing(clock, next) / QUARTER_MS;
    const startQuarter = Math.max(from, range.startQuarter);
    const endQuarter = Math.min(to, range.endQuarter);
    if (endQuarter > startQuarter) {
      const whole = startQuarter === from && endQuarter === to;
      made += 1;
      yield { startQuarter, endQuarter, label: label(local, interval), whole };
    }
    local = next;
    from = to;
  }
}

/** @param local what the zone's clock shows, read as if it were UTC */
function beginning(local: number, interval: Interval): number {
  switch (interval) {
    case 'hour':
      return Math.floor(local / HOUR_MS) * HOUR_MS;
    case 'day':
      return Math.floor(local / DAY_MS) * DAY_MS;
    case 'week': {
      const week = 7 * DAY_MS;
      return Math.floor((local - A_MONDAY_MS) / week) * week + A_MONDAY_MS;
    }
    case 'month': {
      const date = new Date(local);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    }
  }
}

function following(local: number, interval: Interval): number {
  if (interval === 'month') {
    const date = new Date(local);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }
  return local + { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS }[interval];
}

function label(local: number, interval: Interval): string {
  return new Date(local).toISOString().slice(0, { hour: 16, day: 10, week: 10, month: 7 }[interval]);
}
