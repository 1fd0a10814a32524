import { DAY_MS } from './limits.js';

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * An RFC 3339 time in milliseconds since 1970 UTC, or undefined when it is none. Stricter than Date: `2024-02-30` is no
 * date, `0` no year, and an offset (or Z) must be there. Fractions finer than a millisecond are dropped. A leap second, at the
 * end of a UTC day, is that day's last millisecond.
 */
export function parseTimestamp(text: string): number | undefined {
  if (text !== lastText) {
    lastTime = parse(text);
    lastText = text;
  }
  return lastTime;
}

/** The last one is remembered, since an event's is asked for twice: to be checked, and to be used. */
let lastText: string | undefined;
let lastTime: number | undefined;

function parse(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHours, offsetMinutes] = match;
  const ms = fraction === undefined ? 0 : Number(fraction.padEnd(3, '0').slice(0, 3));
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  if (sign !== undefined && (Number(offsetHours) > 23 || Number(offsetMinutes) > 59)) return undefined;
  const offset = sign === undefined ? 0 : (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -1 : 1);
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const isLeap = Number(second) === 60;
  date.setUTCHours(Number(hour), Number(minute), isLeap ? 59 : Number(second), isLeap ? 999 : ms);
  const time = date.getTime() - offset * 60_000;
  return isLeap && (time + 1) % DAY_MS !== 0 ? undefined : time;
}
