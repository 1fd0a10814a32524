import type { UserKind } from '../events/event.js';
import { userKey } from '../events/distinct-user.js';

/** A chunk asks for each user's key several times, and the next chunk often has the same users. */
const REMEMBERED = 20_000;
const keys = new Map<string, string>();

/** The key of a distinct user as 32 hex digits. */
export function userKeyHex(kind: UserKind, value: string): string {
  const name = `${kind} ${value}`;
  let key = keys.get(name);
  if (key === undefined) {
    if (keys.size >= REMEMBERED) keys.clear();
    keys.set(name, (key = userKey(kind, value).toString('hex')));
  }
  return key;
}
