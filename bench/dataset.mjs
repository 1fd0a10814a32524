import { createHash } from 'node:crypto';
import { samplePayload } from './payload.mjs';

/**
 * The one dataset of every row: apps of one owner, the largest with most of the events, a year of days, 50 event names,
 * 200,000 users; the contract's sample as payload. Seeded: the same numbers give the same events.
 */
export const DAY_MS = 86_400_000;
export const DAYS = 365;
export const EVENT_NAMES = Array.from({ length: 50 }, (_none, i) => (i === 0 ? 'login_form_cta_click' : `event_${i}`));
export const USERS = 200_000;
/** The last day of the year of data. */
export const LAST_DAY = Date.UTC(2026, 10, 24);
export const FIRST_DAY = LAST_DAY - (DAYS - 1) * DAY_MS;

/** Share of the events that each app has. */
export const SHARES = [1, 0.1, 0.05, 0.02, 0.01];

/** mulberry32: a small seeded generator that is good enough to spread things. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a client would post: the sample with a name, a user and a moment of the year. */
export function payload(next, at) {
  // Few names are frequent, as on real sites.
  const name = EVENT_NAMES[Math.floor(next() ** 2 * EVENT_NAMES.length)];
  return {
    ...samplePayload(`user-${Math.floor(next() * USERS)}`),
    event: name,
    timestamp: new Date(at).toISOString(),
  };
}

/**
 * As collect accepts it, for what goes into the buffer or into MySQL without HTTP.
 * @param n makes the id
 * @returns {import('#dist/events/event.js').AcceptedEvent}
 */
export function accepted(next, at, appId, n) {
  const said = payload(next, at);
  const id = createHash('sha256').update(`${appId} ${n}`).digest().subarray(0, 16);
  id.writeUIntBE(at, 0, 6);
  id[6] = 0x70 | (id[6] & 0x0f);
  id[8] = 0x80 | (id[8] & 0x3f);
  return {
    id: id.toString('hex'),
    appId,
    event: said.event,
    occurredAt: at,
    receivedAt: at + 500,
    userKind: 'user',
    userValue: said.userId,
    url: said.url,
    referrer: said.referrer,
    device: said.device,
    browser: said.metadata.browser,
    os: said.metadata.os,
    ip: said.ipAddress,
    metadata: JSON.stringify(said.metadata),
    payloadHash: '0000000000000000',
  };
}
