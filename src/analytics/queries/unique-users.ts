import { binaries, binary, nonEmpty } from '../../database/binary.js';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { SealedSightings } from '../../database/seen-users.js';
import type { AskedApp } from '../analytics-scope.js';
import { type HeldUsers, SealedUsersCache } from '../sealed-users.cache.js';
import type { TimeRange } from '../time-range.js';
import { readUnsealed } from './unsealed-users.js';
import { usersInRanges } from './users-in-ranges.js';
import { QUARTERS_A_DAY } from '../../events/limits.js';

const SEALED = `SELECT LOWER(HEX(app_id)) AS appId, day, version FROM event_users
WHERE app_id IN (?) AND event = ? AND day >= ? AND day <= ?`;
const USERS = `SELECT day, users FROM event_users WHERE app_id = ? AND event = ? AND day IN (?)`;
const CELLS = `SELECT LOWER(HEX(app_id)) AS appId, day, users, quarters FROM event_users
WHERE app_id IN (?) AND event = ? AND day IN (?)`;
/** Days whose cells are read at once. */
const DAYS_AT_ONCE = 500;

/** A sealed day of one app, and what a question needs of it. */
interface SealedDay {
  /** Of the cell. */
  name: string;
  appId: string;
  day: number;
  version: string;
  /** A range holds the whole day: its users are needed. */
  isWhole: boolean;
  /** A range holds a part of the day: its quarter-hours are needed. */
  isEdge: boolean;
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
    const appIds = apps.map(({ id }) => id);
    const span = [binaries(appIds), Buffer.from(event), firstDay, lastDay];
    const unsealed = await readUnsealed(manager, apps[0]!.ownerId, { appIds, event, firstDay, lastDay });
    const sealed = await this.sealedDays(manager, span, event, asked);
    const edges = await this.edges(manager, span, event, sealed);
    const stored = new Map<string, Buffer>();
    // While these are read, others may take more out of the cache.
    for (let missing = this.missing(sealed, stored); missing.length > 0; missing = this.missing(sealed, stored)) {
      for (const page of pagesByApp(missing)) await this.readUsers(manager, event, page, stored);
    }
    // Nothing is waited for since the last look into the cache: what is not stored here is still there.
    const held: HeldUsers[] = [];
    const days = sealed.map(({ name, day, version, isWhole }) => {
      if (!isWhole) return { day, sealed: edges.get(name) };
      const kept = this.cache.hold(name, version) ?? this.cache.put(name, version, stored.get(name)!);
      held.push(kept);
      return { day, users: kept.users, sealed: edges.get(name) };
    });
    try {
      return await usersInRanges(ranges, days, unsealed);
    } finally {
      for (const one of held) this.cache.release(one);
      this.cache.trim();
    }
  }

  private async sealedDays(
    manager: EntityManager,
    span: readonly unknown[],
    event: string,
    ranges: readonly TimeRange[],
  ): Promise<SealedDay[]> {
    const rows: { appId: string; day: number | string; version: string }[] = await manager.query(SEALED, [...span]);
    const needs = new Map<number, Pick<SealedDay, 'isWhole' | 'isEdge'>>();
    return rows.map(({ appId, day: told, version }) => {
      const day = Number(told);
      let need = needs.get(day);
      if (!need) needs.set(day, (need = needOf(day, ranges)));
      return { name: `${appId} ${day} ${event}`, appId, day, version, ...need };
    });
  }

  /** @returns what is stored of the days of which ranges hold a part, by cell */
  private async edges(
    manager: EntityManager,
    [appIds]: readonly unknown[],
    event: string,
    sealed: readonly SealedDay[],
  ): Promise<Map<string, SealedSightings>> {
    const found = new Map<string, SealedSightings>();
    const days = [...new Set(sealed.filter(({ isEdge }) => isEdge).map(({ day }) => day))];
    for (let at = 0; at < days.length; at += DAYS_AT_ONCE) {
      const rows: (SealedSightings & { appId: string; day: number | string })[] = await manager.query(CELLS, [
        ...[appIds, Buffer.from(event)],
        nonEmpty(days.slice(at, at + DAYS_AT_ONCE)),
      ]);
      for (const { appId, day, users, quarters } of rows) found.set(`${appId} ${day} ${event}`, { users, quarters });
    }
    return found;
  }

  /** @returns whole days whose users are neither in the cache nor read yet */
  private missing(sealed: readonly SealedDay[], stored: ReadonlyMap<string, Buffer>): SealedDay[] {
    return sealed.filter(
      ({ name, version, isWhole }) => isWhole && !stored.has(name) && !this.cache.has(name, version),
    );
  }

  /** @param stored takes the bitmaps as stored, by cell */
  private async readUsers(
    manager: EntityManager,
    event: string,
    page: readonly SealedDay[],
    stored: Map<string, Buffer>,
  ): Promise<void> {
    const days = page.map(({ day }) => day);
    const rows: { day: number | string; users: Buffer }[] = await manager.query(USERS, [
      ...[binary(page[0]!.appId), Buffer.from(event)],
      nonEmpty(days),
    ]);
    const byDay = new Map(rows.map(({ day, users }) => [Number(day), users]));
    for (const { name, day } of page) {
      const users = byDay.get(day);
      if (!users) throw new Error('A sealed day is not there in the snapshot that named it');
      stored.set(name, users);
    }
  }
}

/** Days of one app each, as many as are read at once. */
function pagesByApp(days: readonly SealedDay[]): SealedDay[][] {
  const pages = new Map<string, SealedDay[][]>();
  for (const day of days) {
    const own = pages.get(day.appId);
    if (!own) pages.set(day.appId, [[day]]);
    else if (own.at(-1)!.length < DAYS_AT_ONCE) own.at(-1)!.push(day);
    else own.push([day]);
  }
  return [...pages.values()].flat();
}

/** What ranges need of a day. */
function needOf(day: number, ranges: readonly TimeRange[]): Pick<SealedDay, 'isWhole' | 'isEdge'> {
  const [start, end] = [day * QUARTERS_A_DAY, (day + 1) * QUARTERS_A_DAY];
  const touching = ranges.filter(({ startQuarter, endQuarter }) => start < endQuarter && end > startQuarter);
  const isHeld = ({ startQuarter, endQuarter }: TimeRange) => start >= startQuarter && end <= endQuarter;
  return { isWhole: touching.some(isHeld), isEdge: !touching.every(isHeld) };
}
