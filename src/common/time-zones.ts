import { DateTime, IANAZone } from 'luxon';

/** A name may be spelled in any case of its letters, so there is no end to the spellings: no more of them are remembered. */
const SPELLINGS_REMEMBERED = 2000;

/** Spelling → name of the zone as this Node calls it; undefined where it is none. */
const names = new Map<string, string>();

/** Names only: offsets such as +02:00 know no summer time and are no zones. */
export function isTimeZone(spelling: string): boolean {
  return nameOf(spelling) !== undefined;
}

/**
 * The zone of a name that isTimeZone takes. luxon keeps some 100 KiB for every spelling it ever met, so it only meets the
 * few hundred names that Node has for all of them.
 */
export function zoneOf(spelling: string): IANAZone {
  return IANAZone.create(nameOf(spelling) ?? spelling);
}

/** To ask whether a zone exists takes longer than most of a question's own work. */
function nameOf(spelling: string): string | undefined {
  const known = names.get(spelling);
  if (known !== undefined) return known;
  const name = resolve(spelling);
  if (name !== undefined && names.size < SPELLINGS_REMEMBERED) names.set(spelling, name);
  return name;
}

function resolve(spelling: string): string | undefined {
  if (!/^[A-Za-z]/.test(spelling)) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: spelling }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface CalendarDay {
  /** YYYY-MM-DD. */
  date: string;
  /** Milliseconds since 1970 UTC: included, and not. */
  from: number;
  to: number;
}

/** The day that was asked for last, of each zone by its name. */
const days = new Map<string, CalendarDay>();

/**
 * The date that calendars in a time zone show, as YYYY-MM-DD. Asked for each event, so the day is remembered until it ends.
 * @param spelling of a zone; of one that this Node does not know, UTC's date
 */
export function calendarDate(spelling: string, timeMs: number): string {
  const zone = nameOf(spelling) ?? 'UTC';
  let day = days.get(zone);
  if (!day || timeMs < day.from || timeMs >= day.to) {
    const start = DateTime.fromMillis(timeMs, { zone: zoneOf(zone) }).startOf('day');
    day = { date: start.toISODate()!, from: start.toMillis(), to: start.plus({ days: 1 }).startOf('day').toMillis() };
    days.set(zone, day);
  }
  return day.date;
}
