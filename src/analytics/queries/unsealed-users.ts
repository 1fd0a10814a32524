import type { EntityManager } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import { unpackSightings } from '../../database/seen-users.js';
import { userNumbers } from '../../database/user-numbers.js';
import { QUARTERS_A_DAY } from '../../events/limits.js';
import { Steps } from '../../common/steps.js';
import { lowerBound } from '../lower-bound.js';
import type { TimeRange } from '../time-range.js';

const BATCHES = `SELECT LOWER(HEX(app_id)) AS appId, day, batch_id AS batchId, seen FROM event_user_batches
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ? ORDER BY app_id, event, day, batch_id LIMIT ?`;
const BATCHES_AFTER = `SELECT LOWER(HEX(app_id)) AS appId, day, batch_id AS batchId, seen FROM event_user_batches
WHERE app_id = ? AND event = ? AND (day = ? AND batch_id > ? OR day > ? AND day <= ?)
ORDER BY app_id, event, day, batch_id LIMIT ?`;

/** Batches read in one statement. Each holds what one chunk saw of one day. */
const BATCHES_AT_ONCE = 500;
/** User keys whose numbers are asked for in one statement. */
const KEYS_AT_ONCE = 1000;
/** Sightings folded before other requests may go on. */
const SIGHTINGS_AT_ONCE = 500;

interface Batch {
  /** 32 hex digits. */
  appId: string;
  day: number | string;
  batchId: Buffer;
  seen: Buffer;
}

/** Users seen in one quarter-hour, not sealed yet. A user may be there more than once. */
export interface SeenUsers {
  /** Of those who have a number. */
  numbers: number[];
  /** User keys of those who have no number, and so are in no bitmap. */
  unnumbered: string[];
}

/** Who was seen and is not sealed yet, by quarter-hour. */
export class UnsealedUsers {
  /** By day, then by quarter-hour since 1970 UTC. */
  private readonly byDay = new Map<number, Map<number, SeenUsers>>();
  private sorted: number[] | undefined;

  /** @param at quarter-hour since 1970 UTC @param number undefined for a user who has none */
  add(at: number, userKey: string, number: number | undefined): void {
    const day = Math.floor(at / QUARTERS_A_DAY);
    let quarters = this.byDay.get(day);
    if (!quarters) {
      this.byDay.set(day, (quarters = new Map()));
      this.sorted = undefined;
    }
    let seen = quarters.get(at);
    if (!seen) quarters.set(at, (seen = { numbers: [], unnumbered: [] }));
    if (number === undefined) seen.unnumbered.push(userKey);
    else seen.numbers.push(number);
  }

  /** What was seen in the quarter-hours of a range. */
  *in({ startQuarter, endQuarter }: TimeRange): Generator<SeenUsers> {
    this.sorted ??= [...this.byDay.keys()].sort((a, b) => a - b);
    const first = lowerBound(this.sorted, (day) => day, Math.floor(startQuarter / QUARTERS_A_DAY));
    const end = lowerBound(this.sorted, (day) => day, Math.ceil(endQuarter / QUARTERS_A_DAY));
    for (let index = first; index < end; index += 1) {
      for (const [at, seen] of this.byDay.get(this.sorted[index]!)!) {
        if (at >= startQuarter && at < endQuarter) yield seen;
      }
    }
  }
}

/** Which batches to read: of one event in some apps, from the first to the last day. */
export interface UnsealedSpan {
  /** 32 hex digits each, at least one. */
  appIds: readonly string[];
  /** '' for all events. */
  event: string;
  /** Days since 1970 UTC. */
  firstDay: number;
  lastDay: number;
}

/**
 * Reads who was seen and is not sealed yet. Where sealing is behind, that can be many users, so it is read page by page and
 * folded in steps.
 * @param manager of a transaction at REPEATABLE READ @param ownerId of all the apps, 32 hex digits
 */
export async function readUnsealed(
  manager: EntityManager,
  ownerId: string,
  span: UnsealedSpan,
): Promise<UnsealedUsers> {
  const steps = new Steps();
  const found = new UnsealedUsers();
  /** By user key; undefined for who has none. */
  const numbers = new Map<string, number | undefined>();
  for await (const page of pages(manager, span)) {
    const sightings: [at: number, userKey: string][] = [];
    const fresh = new Set<string>();
    for (const { day, seen } of page) {
      await steps.pause();
      for (const [userKey, quarter] of unpackSightings(seen)) {
        sightings.push([Number(day) * QUARTERS_A_DAY + quarter, userKey]);
        if (!numbers.has(userKey)) fresh.add(userKey);
      }
    }
    const keys = [...fresh];
    for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
      await steps.pause();
      const asked = keys.slice(at, at + KEYS_AT_ONCE);
      const known = await userNumbers(manager, binary(ownerId), asked);
      for (const userKey of asked) numbers.set(userKey, known.get(userKey));
    }
    for (const [index, [at, userKey]] of sightings.entries()) {
      if (index % SIGHTINGS_AT_ONCE === 0) await steps.pause();
      found.add(at, userKey, numbers.get(userKey));
    }
  }
  return found;
}

/** The batches in the order of their keys. Where all of them fit into one page, it takes one statement. */
async function* pages(
  manager: EntityManager,
  { appIds, event, firstDay, lastDay }: UnsealedSpan,
): AsyncGenerator<Batch[]> {
  const name = Buffer.from(event);
  let apps = [...appIds].sort();
  while (apps.length > 0) {
    let page: Batch[] = await manager.query(BATCHES, [binaries(apps), name, firstDay, lastDay, BATCHES_AT_ONCE]);
    yield page;
    let last = page.at(-1);
    if (!last || page.length < BATCHES_AT_ONCE) return;
    const { appId } = last;
    // The rest of the app in which the page ended, then the apps after it.
    while (page.length === BATCHES_AT_ONCE) {
      const { day, batchId }: Batch = last!;
      const from = [binary(appId), name, Number(day), batchId, Number(day), lastDay];
      page = await manager.query(BATCHES_AFTER, [...from, BATCHES_AT_ONCE]);
      yield page;
      last = page.at(-1);
    }
    apps = apps.filter((one) => one > appId);
  }
}
