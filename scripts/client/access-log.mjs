import { createHash } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * The combined log format of Apache and nginx: address, identity, user, [time], "request", status, bytes, "referrer",
 * "User-Agent". Quotes inside a field are escaped by a backslash; the last quote may be missing (a line that was cut).
 */
const FIELD = String.raw`"((?:[^"\\]|\\.)*)"`;
const LINE = new RegExp(
  String.raw`^(\S+) \S+ \S+ \[([^\]]+)\] ${FIELD} (\d{3}) (\d+|-)(?: ${FIELD}(?: "((?:[^"\\]|\\.)*)"?)?)?\s*$`,
);
const TIME = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Turns lines into page views whose ids are made of the line, so that a second run sends the same events. */
export class AccessLog {
  #seen = new Map();

  /** @returns the event of a line, or undefined when it is none of the combined format */
  event(line) {
    const match = LINE.exec(line);
    const timestamp = match && rfc3339(match[2]);
    if (!timestamp) return undefined;
    const [, address, , request, status, bytes, referrer = '-', userAgent = '-'] = match;
    const [method, url = '-'] = request.split(' ');
    return {
      event: 'page_view',
      eventId: this.#id(line),
      timestamp,
      anonymousId: hash(`${address}\n${userAgent}`),
      // As the log has it, also "-" for none: left out, the User-Agent of this program would stand in.
      userAgent,
      ...(isIP(address) ? { ipAddress: address } : {}),
      ...(url === '-' ? {} : { url }),
      ...(referrer === '-' || referrer === '' ? {} : { referrer }),
      metadata: { method, status: Number(status), ...(bytes === '-' ? {} : { bytes: Number(bytes) }) },
    };
  }

  /** Hash of the line and of how often it came before: the same request twice in a second is two page views. */
  #id(line) {
    const key = hash(line);
    const nth = (this.#seen.get(key) ?? 0) + 1;
    this.#seen.set(key, nth);
    return hash(`${line}\n${nth}`);
  }
}

function rfc3339(text) {
  const [, day, month, year, time, hours, minutes] = TIME.exec(text) ?? [];
  const index = MONTHS.indexOf(month);
  if (index < 0) return undefined;
  return `${year}-${String(index + 1).padStart(2, '0')}-${day}T${time}${hours}:${minutes}`;
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
