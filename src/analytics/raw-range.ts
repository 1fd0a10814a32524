import { lowestId } from '../events/event-id.js';
import { DAY_MS, QUARTER_MS } from '../events/limits.js';
import type { TimeRange } from './time-range.js';

/** MySQL's times end with the year 9999; an end that was left open lies beyond. */
const PAST_EVERY_TIME = Date.UTC(10_000, 0, 1);
export const PAST_EVERY_ID = Buffer.alloc(16, 0xff);

/**
 * How far a sender's clock may run fast and the event still be read with the others of its range. Events of faster clocks are
 * looked for separately.
 */
const CLOCK_AHEAD_MS = DAY_MS;

/** A range as the events themselves are asked by it. */
export interface RawRange {
  /** ms */
  occurredFrom: number;
  /** ms, not included; undefined where the end is open. */
  occurredBefore?: number;
  /**
   * Events of the range lie between these ids, 16 bytes, of which the second is not included; those of a clock that ran more than
   * a day fast lie behind.
   */
  fromId: Buffer;
  beforeId: Buffer;
}

/**
 * Ids begin with the time that their sender stated; what occurred then or later has an id of that time or later, since
 * occurred_at only ever moves back.
 * @returns undefined when the range is empty
 */
export function rawRange({ startQuarter, endQuarter }: TimeRange): RawRange | undefined {
  const [from, to] = [startQuarter * QUARTER_MS, endQuarter * QUARTER_MS];
  if (to <= from || from >= PAST_EVERY_TIME) return undefined;
  if (to >= PAST_EVERY_TIME) return { occurredFrom: from, fromId: lowestId(from), beforeId: PAST_EVERY_ID };
  const beforeId = lowestId(to + CLOCK_AHEAD_MS);
  return { occurredFrom: from, occurredBefore: to, fromId: lowestId(from), beforeId };
}
