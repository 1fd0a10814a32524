import { createHmac, hash } from 'node:crypto';
import type { UserKind } from './event.js';
import { DAY_MS } from './limits.js';

/**
 * The key by which distinct users are counted: the first 16 bytes of SHA-256(kind, value). A visitor's value includes
 * its app, the others do not, so that one person in two apps is one user.
 */
export function userKey(kind: UserKind, value: string): Buffer {
  return hash('sha256', `${kind}\0${value}`, 'buffer').subarray(0, 16);
}

/**
 * The cookieless id of a visitor who sent neither user id nor anonymous id: an HMAC of app, address and User-Agent with
 * a secret of the day of receipt in the app's time zone. Such a visitor counts once a day. The secret is deleted when that
 * day has ended everywhere.
 * @returns 32 hex digits
 */
export function visitorId(daySecret: Buffer, appId: string, address: string, userAgent: string): string {
  return createHmac('sha256', daySecret).update(`${appId}\0${address}\0${userAgent}`).digest('hex').slice(0, 32);
}

let latest = { day: NaN, text: '' };

/** The UTC day of a time, as YYYY-MM-DD. Asked for every event, nearly always of the same day. */
export function utcDay(timeMs: number): string {
  const day = Math.floor(timeMs / DAY_MS);
  if (day !== latest.day) latest = { day, text: new Date(timeMs).toISOString().slice(0, 10) };
  return latest.text;
}
