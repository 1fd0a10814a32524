import { zoneOf } from '../common/time-zones.js';
import { DAY_MS, MINUTE_MS, QUARTER_MS } from '../events/limits.js';

/** The offset of a zone's clock from UTC at a moment (ms since 1970 UTC), in ms: positive east of Greenwich. */
export type ZoneClock = (ms: number) => number;

/**
 * A clock for many look-ups. Asking Intl takes tens of microseconds, so a day of UTC whose two ends show the same offset is
 * asked about once: no zone changes its clock twice within two days.
 * @param zone IANA name
 */
export function zoneClock(zone: string): ZoneClock {
  const clock = zoneOf(zone);
  const asked: ZoneClock = (ms) => clock.offset(ms) * MINUTE_MS;
  const ofDay = new Map<number, number | 'changes'>();
  return (ms) => {
    const day = Math.floor(ms / DAY_MS);
    let known = ofDay.get(day);
    if (known === undefined) {
      const first = asked(day * DAY_MS);
      known = first === asked((day + 1) * DAY_MS) ? first : 'changes';
      ofDay.set(day, known);
    }
    return known === 'changes' ? asked(ms) : known;
  };
}

/**
 * The first moment at which the zone's clock shows this time or a later one, ms since 1970 UTC. So a day begins at its
 * first midnight, or, where the clock jumps over midnight, with the jump; a time that the clock shows twice is the first
 * of the two, and one that it jumps over is the jump.
 * @param zone IANA name, or its clock where many moments are asked for
 * @param localMs a quarter-hour of the zone's clock, read as if it were UTC
 * @returns a quarter-hour of UTC: since 1980 every zone's offset is a multiple of it (before, it is rounded up; nothing
 *   is counted there). A jump at 00:01, as some zones made, is rounded up too: to the hours that it leaves out (ADR 5)
 */
export function firstMomentShowing(zone: string | ZoneClock, localMs: number): number {
  const offsetMs = typeof zone === 'string' ? zoneClock(zone) : zone;
  // No zone changes its clock twice within two days, so no offset around this time is larger than the largest of these.
  const largest = Math.max(offsetMs(localMs - DAY_MS), offsetMs(localMs), offsetMs(localMs + DAY_MS));
  let moment = Math.ceil((localMs - largest) / QUARTER_MS) * QUARTER_MS;
  while (moment + offsetMs(moment) < localMs) moment += QUARTER_MS;
  return moment;
}

/** The day that the zone's calendar shows at a moment, as YYYY-MM-DD. */
export function localDay(zone: string, ms: number): string {
  return new Date(ms + zoneOf(zone).offset(ms) * MINUTE_MS).toISOString().slice(0, 10);
}
