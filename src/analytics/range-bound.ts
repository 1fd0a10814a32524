import { parseTimestamp } from '../events/timestamp.js';

/**
 * One end of a range as it was asked for: a whole day or a clock time in some zone, or a moment. `localMs` is what the
 * zone's clock shows, read as if it were UTC.
 */
export type RangeBound =
  { kind: 'day'; localMs: number } | { kind: 'local'; localMs: number } | { kind: 'moment'; ms: number };

const BOUND = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.](\d{1,9}))?)?([Zz]|[-+]\d\d:\d\d)?)?$/;

/** In a query the + of an offset arrives as a space where the client did not encode it. */
export function withPlus(text: string): string {
  return text.replace(/^(.{10}[Tt ].*) (\d\d:\d\d)$/, '$1+$2');
}

/**
 * `2024-02-20`, `2024-02-20T12:30` (in the zone asked in), or RFC 3339 with an offset or Z; seconds may be left out. Undefined for anything else, and for dates and
 * times that do not exist in the calendar.
 */
export function parseRangeBound(text: string): RangeBound | undefined {
  const match = BOUND.exec(text);
  if (!match) return undefined;
  const [, date, time = '00:00', second = '00', fraction = '0', offset] = match;
  // Finer than a millisecond is still off the quarter-hour.
  const ms = /[1-9]/.test(fraction.slice(3)) ? '001' : fraction;
  const parsed = parseTimestamp(`${date}T${time}:${second}.${ms}${offset ?? 'Z'}`);
  if (parsed === undefined) return undefined;
  if (match[2] === undefined) return { kind: 'day', localMs: parsed };
  return offset ? { kind: 'moment', ms: parsed } : { kind: 'local', localMs: parsed };
}
