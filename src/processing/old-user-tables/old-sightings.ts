import { roaringNumbers } from './roaring-bitmap.js';

/*
 * How releases up to 0.2 kept which distinct users were seen in which quarter-hours (0 to 95) of a UTC day.
 */

const USER_KEY_BYTES = 16;
const LAST_OF_USER = 0x80;

/** A row of `event_users`. */
export interface SealedCell {
  /** The users' numbers. */
  users: Buffer;
  /** One byte a sighting in the order of the numbers: the quarter-hour, with the top bit set on the last one of each user. */
  quarters: Buffer;
}

/** @returns number of the user and quarter-hour of each sighting */
export function sealedSightings({ users, quarters }: SealedCell): [number: number, quarter: number][] {
  const numbers = roaringNumbers(users);
  let user = 0;
  return [...quarters].map((byte) => {
    const number = numbers[user]!;
    if (byte & LAST_OF_USER) user += 1;
    return [number, byte & ~LAST_OF_USER];
  });
}

/** @param seen of a row of `event_user_batches`: 17 bytes a sighting @returns user key and quarter-hour of each */
export function batchSightings(seen: Buffer): [userKey: Buffer, quarter: number][] {
  const sightings: [Buffer, number][] = [];
  for (let at = 0; at < seen.length; at += USER_KEY_BYTES + 1) {
    sightings.push([seen.subarray(at, at + USER_KEY_BYTES), seen[at + USER_KEY_BYTES]!]);
  }
  return sightings;
}
