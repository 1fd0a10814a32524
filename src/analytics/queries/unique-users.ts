import { binary } from '../../database/binary.js';
import { Injectable } from '@nestjs/common';
import { RoaringBitmap32 } from 'roaring-wasm';
import type { EntityManager } from 'typeorm';
import { type SealedSightings, unpackSightings, usersSeenIn } from '../../database/seen-users.js';
import { userNumbers } from '../../database/user-numbers.js';
import type { AskedApp } from '../analytics-scope.js';
import { SealedUsersCache, type UnpackedCell } from '../sealed-users.cache.js';
import type { TimeRange } from '../time-range.js';
import { QUARTERS_A_DAY } from '../../events/limits.js';

const SEALED = `SELECT LOWER(HEX(app_id)) AS appId, day, version FROM event_users
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ?`;
const CELLS = `SELECT day, users, quarters FROM event_users WHERE app_id = ? AND event = ? AND day IN (?)`;
const BATCHES = `SELECT day, seen FROM event_user_batches
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ?`;
/** Days whose cells are read at once. */
const DAYS_AT_ONCE = 500;

interface CellVersion {
  appId: string;
  day: number;
  version: string;
}

interface SealedDay {
  day: number;
  cell: UnpackedCell;
}

interface Unsealed {
  userKey: string;
  /** Quarter-hour since 1970 UTC. */
  at: number;
  /** Who has none is in no bitmap. */
  number: number | undefined;
}

/**
 * Distinct users of a range, over all apps asked at once: the same user in two apps is one. Exact: sealed days are united
 * as bitmaps, what is not sealed yet is added user by user. Of the first and last day only the quarter-hours asked for
 * count.
 */
@Injectable()
export class UniqueUsers {
  constructor(private readonly cache: SealedUsersCache) {}

  /** Of one range. See {@link countEach}. */
  async count(manager: EntityManager, apps: readonly AskedApp[], event: string, range: TimeRange): Promise<number> {
    const [users] = await this.countEach(manager, apps, event, [range]);
    return users!;
  }

  /**
   * Of several ranges, which may lie in each other: what is stored is read once for all of them.
   * @param manager of a transaction at REPEATABLE READ: what is sealed meanwhile must not be missed or met twice
   * @param apps of one owner, at least one
   * @param event '' for all events
   */
  async countEach(
    manager: EntityManager,
    apps: readonly AskedApp[],
    event: string,
    ranges: readonly TimeRange[],
  ): Promise<number[]> {
    const asked = ranges.filter(({ startQuarter, endQuarter }) => endQuarter > startQuarter);
    if (asked.length === 0) return ranges.map(() => 0);
    const firstDay = Math.floor(Math.min(...asked.map((one) => one.startQuarter)) / QUARTERS_A_DAY);
    const lastDay = Math.floor((Math.max(...asked.map((one) => one.endQuarter)) - 1) / QUARTERS_A_DAY);
    const span = [apps.map(({ id }) => binary(id)), Buffer.from(event), firstDay, lastDay];
    const unsealed = await this.unsealed(manager, apps[0]!.ownerId, span);
    const versions: CellVersion[] = await manager.query(SEALED, span);
    const read = await this.read(manager, event, versions);
    // From here on nothing is waited for: others may take cells out of the cache as soon as they have their turn.
    const cells = versions.map(({ appId, day, version }) => {
      const name = cellName(appId, Number(day), event);
      return {
        day: Number(day),
        cell: this.cache.get(name, version) ?? this.cache.put(name, version, read.get(name)!),
      };
    });
    try {
      return ranges.map((range) => usersIn(range, cells, unsealed));
    } finally {
      this.cache.trim();
    }
  }

  /** Who was seen and is not sealed yet, with the number that they have from earlier days. */
  private async unsealed(manager: EntityManager, ownerId: string, span: readonly unknown[]): Promise<Unsealed[]> {
    const batches: { day: number | string; seen: Buffer }[] = await manager.query(BATCHES, [...span]);
    const found = batches.flatMap(({ day, seen }) =>
      unpackSightings(seen).map(([userKey, quarter]) => ({ userKey, at: Number(day) * QUARTERS_A_DAY + quarter })),
    );
    const keys = new Set(found.map(({ userKey }) => userKey));
    const numbers = await userNumbers(manager, binary(ownerId), [...keys]);
    return found.map((one) => ({ ...one, number: numbers.get(one.userKey) }));
  }

  /** What is stored of every cell, from the cache where it is there in this version. @returns by cell */
  private async read(
    manager: EntityManager,
    event: string,
    versions: readonly CellVersion[],
  ): Promise<Map<string, SealedSightings>> {
    const read = new Map<string, SealedSightings>();
    const missing = new Map<string, number[]>();
    for (const { appId, day, version } of versions) {
      const name = cellName(appId, Number(day), event);
      const known = this.cache.get(name, version);
      if (known) read.set(name, known.sealed);
      else if (missing.has(appId)) missing.get(appId)!.push(Number(day));
      else missing.set(appId, [Number(day)]);
    }
    for (const [appId, days] of missing) {
      for (let at = 0; at < days.length; at += DAYS_AT_ONCE) {
        const page = days.slice(at, at + DAYS_AT_ONCE);
        const rows: (SealedSightings & { day: number | string })[] = await manager.query(CELLS, [
          ...[binary(appId), Buffer.from(event)],
          page,
        ]);
        for (const { day, users, quarters } of rows) read.set(cellName(appId, Number(day), event), { users, quarters });
      }
    }
    return read;
  }
}

function usersIn(
  { startQuarter, endQuarter }: TimeRange,
  cells: readonly SealedDay[],
  unsealed: readonly Unsealed[],
): number {
  const starts = (day: number) => day * QUARTERS_A_DAY;
  const touched = cells.filter(({ day }) => starts(day) < endQuarter && starts(day + 1) > startQuarter);
  const isWhole = (day: number) => starts(day) >= startQuarter && starts(day + 1) <= endQuarter;
  const whole = touched.filter(({ day }) => isWhole(day)).map(({ cell }) => cell.users);
  const union = whole.length > 0 ? RoaringBitmap32.orMany(whole) : new RoaringBitmap32();
  try {
    for (const { day, cell } of touched) {
      if (isWhole(day)) continue;
      const isAsked = (quarter: number) => starts(day) + quarter >= startQuarter && starts(day) + quarter < endQuarter;
      union.addMany(usersSeenIn(cell.sealed, isAsked));
    }
    const strangers = new Set<string>();
    for (const { userKey, at, number } of unsealed) {
      if (at < startQuarter || at >= endQuarter) continue;
      if (number === undefined) strangers.add(userKey);
      else union.add(number);
    }
    return union.size + strangers.size;
  } finally {
    union.dispose();
  }
}

function cellName(appId: string, day: number, event: string): string {
  return `${appId} ${day} ${event}`;
}
