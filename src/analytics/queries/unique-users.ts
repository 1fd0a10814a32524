import { Injectable } from '@nestjs/common';
import { RoaringBitmap32 } from 'roaring-wasm';
import type { EntityManager } from 'typeorm';
import { QUARTERS_A_DAY, type SealedSightings, unpackSightings, usersSeenIn } from '../../database/seen-users.js';
import { SealedUsersCache } from '../sealed-users.cache.js';
import type { TimeRange } from '../time-range.js';

const SEALED = `SELECT LOWER(HEX(app_id)) AS appId, day, version FROM event_users
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ?`;
const CELLS = `SELECT day, users, quarters FROM event_users WHERE app_id = ? AND event = ? AND day IN (?)`;
const BATCHES = `SELECT day, seen FROM event_user_batches
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ?`;
/** The apps asked at once are one owner's. */
const NUMBERS = `SELECT LOWER(HEX(user_key)) AS userKey, number FROM user_numbers
WHERE owner_id = (SELECT owner_id FROM apps WHERE id = ?) AND user_key IN (?)`;
const KEYS_AT_ONCE = 5000;
/** Days whose cells are read at once. */
const DAYS_AT_ONCE = 500;

interface CellVersion {
  appId: string;
  day: number;
  version: string;
}

/**
 * Distinct users of a range, over all apps asked at once: the same user in two apps is one. Exact: sealed days are united
 * as bitmaps, what is not sealed yet is added user by user. Of the first and last day only the quarter-hours asked for
 * count.
 */
@Injectable()
export class UniqueUsers {
  constructor(private readonly cache: SealedUsersCache) {}

  /**
   * @param manager of a transaction at REPEATABLE READ: what is sealed meanwhile must not be missed or met twice
   * @param appIds of one owner, 32 hex digits each, at least one
   * @param event '' for all events
   */
  async count(
    manager: EntityManager,
    appIds: readonly string[],
    event: string,
    { startQuarter, endQuarter }: TimeRange,
  ): Promise<number> {
    if (endQuarter <= startQuarter) return 0;
    const firstDay = Math.floor(startQuarter / QUARTERS_A_DAY);
    const lastDay = Math.floor((endQuarter - 1) / QUARTERS_A_DAY);
    const asked = (day: number) => (quarter: number) => {
      const at = day * QUARTERS_A_DAY + quarter;
      return at >= startQuarter && at < endQuarter;
    };
    const isWhole = (day: number) => day * QUARTERS_A_DAY >= startQuarter && (day + 1) * QUARTERS_A_DAY <= endQuarter;
    const range = [appIds.map(binary), Buffer.from(event), firstDay, lastDay];
    const batches: { day: number | string; seen: Buffer }[] = await manager.query(BATCHES, range);
    const unsealed = new Set<string>();
    for (const { day, seen } of batches) {
      const isAsked = asked(Number(day));
      for (const [userKey, quarter] of unpackSightings(seen)) if (isAsked(quarter)) unsealed.add(userKey);
    }
    const numbers = await numbersOf(manager, appIds[0]!, [...unsealed]);
    const versions: CellVersion[] = await manager.query(SEALED, range);
    const read = await this.read(manager, event, versions);
    // From here on nothing is waited for: others may take cells out of the cache as soon as they have their turn.
    const cells = versions.map(({ appId, day, version }) => {
      const name = cellName(appId, Number(day), event);
      return {
        day: Number(day),
        cell: this.cache.get(name, version) ?? this.cache.put(name, version, read.get(name)!),
      };
    });
    const whole = cells.filter(({ day }) => isWhole(day)).map(({ cell }) => cell.users);
    const union = whole.length > 0 ? RoaringBitmap32.orMany(whole) : new RoaringBitmap32();
    try {
      for (const { day, cell } of cells) if (!isWhole(day)) union.addMany(usersSeenIn(cell.sealed, asked(day)));
      union.addMany(numbers);
      return union.size + unsealed.size - numbers.length;
    } finally {
      union.dispose();
      this.cache.trim();
    }
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
      else missing.set(appId, [...(missing.get(appId) ?? []), Number(day)]);
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

function cellName(appId: string, day: number, event: string): string {
  return `${appId} ${day} ${event}`;
}

async function numbersOf(manager: EntityManager, appId: string, userKeys: readonly string[]): Promise<number[]> {
  const numbers: number[] = [];
  for (let at = 0; at < userKeys.length; at += KEYS_AT_ONCE) {
    const page = userKeys.slice(at, at + KEYS_AT_ONCE).map(binary);
    const rows: { number: number | string }[] = await manager.query(NUMBERS, [binary(appId), page]);
    for (const row of rows) numbers.push(Number(row.number));
  }
  return numbers;
}

function binary(id: string): Buffer {
  return Buffer.from(id, 'hex');
}
