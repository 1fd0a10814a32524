import { RoaringBitmap32 } from 'roaring-wasm';
import { QUARTERS_A_DAY } from '../events/limits.js';

/**
 * The stored form of "which distinct users were seen in which quarter-hours of a UTC day". It has two shapes:
 *
 * - what a batch adds (`event_user_batches.seen`): 17 bytes a sighting, a user key and the quarter-hour (0 to 95);
 * - what was sealed (`event_users`): the users' numbers as a roaring bitmap (portable format), and one byte a sighting in
 *   the order of the numbers, the quarter-hour, with the top bit set on the last one of each user.
 */

const USER_KEY_BYTES = 16;
const SIGHTING_BYTES = USER_KEY_BYTES + 1;
const LAST_OF_USER = 0x80;

/** The sealed sightings of one cell, as stored. */
export interface SealedSightings {
  users: Buffer;
  quarters: Buffer;
}

/** A numbered user in a quarter-hour, as one number: sorted, they are in the order in which they are stored. */
export function sighting(number: number, quarter: number): number {
  return number * QUARTERS_A_DAY + quarter;
}

export function sightedNumber(sighted: number): number {
  return Math.floor(sighted / QUARTERS_A_DAY);
}

export function sightedQuarter(sighted: number): number {
  return sighted % QUARTERS_A_DAY;
}

/** @param sightings user key (32 hex digits) and quarter-hour, each pair once */
export function packSightings(sightings: readonly (readonly [userKey: string, quarter: number])[]): Buffer {
  const packed = Buffer.allocUnsafe(sightings.length * SIGHTING_BYTES);
  let at = 0;
  for (const [userKey, quarter] of sightings) {
    packed.write(userKey, at, USER_KEY_BYTES, 'hex');
    packed[at + USER_KEY_BYTES] = quarter;
    at += SIGHTING_BYTES;
  }
  return packed;
}

/** @returns user key (32 hex digits) and quarter-hour of each sighting */
export function unpackSightings(packed: Buffer): [userKey: string, quarter: number][] {
  const sightings: [string, number][] = [];
  for (let at = 0; at < packed.length; at += SIGHTING_BYTES) {
    sightings.push([packed.toString('hex', at, at + USER_KEY_BYTES), packed[at + USER_KEY_BYTES]!]);
  }
  return sightings;
}

/** The numbers of the users alone. The bitmap lies outside the garbage collector's reach: dispose of it. */
export function readUsers(users: Buffer): RoaringBitmap32 {
  return RoaringBitmap32.deserialize('portable', users);
}

function numbersOf(users: Buffer): Uint32Array {
  const bitmap = readUsers(users);
  try {
    return bitmap.toUint32Array();
  } finally {
    bitmap.dispose();
  }
}

/** Every sighting of a cell in ascending order. */
export function readSightings({ users, quarters }: SealedSightings): Float64Array {
  const numbers = numbersOf(users);
  const sightings = new Float64Array(quarters.length);
  let user = 0;
  for (let at = 0; at < quarters.length; at += 1) {
    const byte = quarters[at]!;
    sightings[at] = sighting(numbers[user]!, byte & ~LAST_OF_USER);
    if (byte & LAST_OF_USER) user += 1;
  }
  return sightings;
}

/** @param sightings in ascending order, each once */
export function writeSightings(sightings: ArrayLike<number>): SealedSightings {
  const numbers = new Uint32Array(sightings.length);
  const quarters = Buffer.allocUnsafe(sightings.length);
  let users = 0;
  for (let at = 0; at < sightings.length; at += 1) {
    const one = sightings[at]!;
    const number = sightedNumber(one);
    const isLast = at + 1 === sightings.length || sightings[at + 1]! >= sighting(number + 1, 0);
    quarters[at] = sightedQuarter(one) | (isLast ? LAST_OF_USER : 0);
    if (isLast) numbers[users++] = number;
  }
  const bitmap = new RoaringBitmap32(numbers.subarray(0, users));
  try {
    bitmap.runOptimize();
    return { users: Buffer.from(bitmap.serialize('portable')), quarters };
  } finally {
    bitmap.dispose();
  }
}

/** Both lists as one: ascending, each sighting once. @param a @param b in ascending order */
export function mergeSightings(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const merged = new Float64Array(a.length + b.length);
  let length = 0;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const next = j >= b.length || (i < a.length && a[i]! <= b[j]!) ? a[i++]! : b[j++]!;
    if (length === 0 || merged[length - 1] !== next) merged[length++] = next;
  }
  return merged.subarray(0, length);
}

/**
 * The numbers of the users who were seen in quarter-hours that are asked for, for several lists at once.
 * @param listsAt by quarter-hour of the day: the lists that ask for it @param lists how many there are
 * @returns numbers in ascending order, by list
 */
export function usersSeenInEach(
  { users, quarters }: SealedSightings,
  listsAt: readonly (readonly number[])[],
  lists: number,
): number[][] {
  const numbers = numbersOf(users);
  const found: number[][] = Array.from({ length: lists }, () => []);
  let user = 0;
  for (const byte of quarters) {
    const number = numbers[user]!;
    for (const list of listsAt[byte & ~LAST_OF_USER]!) if (found[list]!.at(-1) !== number) found[list]!.push(number);
    if (byte & LAST_OF_USER) user += 1;
  }
  return found;
}
