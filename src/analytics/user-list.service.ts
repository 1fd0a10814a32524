import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { fittingEntries } from '../common/page-size.js';
import { binary } from '../database/binary.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { userKeysOf } from '../events/person.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp } from './analytics-scope.js';
import { listedBytes, listedDto } from './event-list.dto.js';
import { scanFloor } from './queries/event-page.js';
import { clientsOf, timelinePage } from './queries/timeline.js';
import { foundUsers, newestUsers } from './queries/user-list.js';
import { newestOf, ofOneKind, type UserTotals, userTotals } from './queries/user-totals.js';
import { PAST_EVERY_ID } from './raw-range.js';
import type { ListedUserDto, TimelineDto, TimelineQuery, UserListDto, UserListQuery } from './user-list.dto.js';

const FIRST_ID = Buffer.alloc(16);

/** Who was there, and what one of them did, over all apps that the caller may see. */
@Injectable()
export class UserListService {
  constructor(private readonly scope: AnalyticsScope) {}

  /** @throws NotFoundError for an app that is not the caller's */
  list(asker: Asker, { appId, search, cursor, limit }: UserListQuery): Promise<UserListDto> {
    const answer = async (connected: EntityManager, apps: readonly AskedApp[]): Promise<UserListDto> => {
      if (apps.length === 0) return { data: [], nextCursor: null };
      const appIds = apps.map((app) => app.id);
      // Of one moment: whoever comes in between would be in neither page.
      return connected.transaction('REPEATABLE READ', async (manager) =>
        search === undefined
          ? this.page(manager, appIds, cursor, limit!)
          : { data: await this.search(manager, appIds, search, limit!), nextCursor: null },
      );
    };
    // A search looks through every user of an app.
    return this.scope.ask(asker, appId, answer, { isHeavy: search !== undefined });
  }

  private async page(
    manager: EntityManager,
    appIds: readonly string[],
    cursor: string | undefined,
    limit: number,
  ): Promise<UserListDto> {
    const before = cursor ? binary(parseUuid(cursor)!) : PAST_EVERY_ID;
    const floor = await scanFloor(manager, appIds, FIRST_ID, before);
    const found = await newestUsers(manager, appIds, { from: floor ?? FIRST_ID, before, limit: limit + 1 });
    const page = found.slice(0, limit);
    const rows = await userTotals(manager, appIds, [...new Set(page.map((one) => one.userKey))]);
    // Who came to two apps is listed with the newest event of both.
    const newest = page.map((one) => ({ one, rows: rows.filter((row) => row.userKey === one.userKey) }));
    const data = newest
      .filter(({ one, rows: own }) => own.every((row) => row.lastId <= one.lastId))
      .map(({ rows: own }) => userDto(own));
    const next = found.length > limit ? formatUuid(page.at(-1)!.lastId) : floor && formatUuid(floor.toString('hex'));
    return { data, nextCursor: next ?? null };
  }

  /** @throws NotFoundError for an app that is not the caller's */
  timeline(asker: Asker, query: TimelineQuery): Promise<TimelineDto> {
    return this.scope.ask(asker, query.appId, (manager, apps) =>
      this.events(
        manager,
        apps.map((app) => app.id),
        query,
      ),
    );
  }

  private async events(
    manager: EntityManager,
    apps: readonly string[],
    { userId, cursor, limit }: TimelineQuery,
  ): Promise<TimelineDto> {
    const known = apps.length === 0 ? [] : ofOneKind(await userTotals(manager, apps, userKeysOf(userId)));
    const [first] = known;
    if (!first) return { userId, devices: [], data: [], nextCursor: null };
    const [person, appIds] = [first.userKey, known.map((row) => row.appId)];
    const events = await timelinePage(manager, appIds, person, cursor && parseUuid(cursor), limit! + 1);
    const devices = await clientsOf(manager, appIds, person);
    const data = fittingEntries(events, limit!, listedBytes).map(listedDto);
    return {
      userId,
      devices: devices.map((client) => ({ ...client, lastSeen: client.lastSeen.toISOString() })),
      data,
      nextCursor: events.length > data.length ? data.at(-1)!.id : null,
    };
  }

  private async search(
    manager: EntityManager,
    appIds: readonly string[],
    text: string,
    limit: number,
  ): Promise<ListedUserDto[]> {
    const found = await foundUsers(manager, appIds, text, limit);
    const keys = [...new Set([...userKeysOf(text), ...found])];
    const rows = await userTotals(manager, appIds, keys);
    return keys
      .map((key) => rows.filter((row) => row.userKey === key))
      .filter((own) => own.length > 0)
      .sort((a, b) => lastSeen(b) - lastSeen(a))
      .slice(0, limit)
      .map(userDto);
  }
}

function lastSeen(rows: readonly UserTotals[]): number {
  return Math.max(...rows.map((row) => row.lastSeen.getTime()));
}

/** One user out of what is kept of them in each app. */
function userDto(rows: readonly UserTotals[]): ListedUserDto {
  const newest = newestOf(rows);
  const { userValue, userKind, device, browser, os } = newest;
  return {
    userId: userValue,
    kind: userKind,
    totalEvents: rows.reduce((sum, row) => sum + row.totalEvents, 0),
    firstSeen: new Date(Math.min(...rows.map((row) => row.firstSeen.getTime()))).toISOString(),
    lastSeen: newest.lastSeen.toISOString(),
    ...{ device, browser, os },
  };
}
