import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { fittingEntries } from '../common/page-size.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { userKeysOf } from '../events/person.js';
import type { Asker } from '../questions/asker.js';
import { Questions } from '../questions/questions.js';
import { AnalyticsScope, type AskedApp, idsOf } from './analytics-scope.js';
import { CompleteTo } from './complete-to.js';
import { CopiedEvents } from './copied-events.js';
import { listedBytes, listedDto } from './event-list.dto.js';
import { placeOf } from './queries/event-place.js';
import { foundUsers } from './queries/user-list.js';
import { newestOf, ofOneKind, type UserTotals, userTotals } from './queries/user-totals.js';
import { clientsQuestion, readClients } from './read-model/clients.js';
import { eventKey, type KeyRow, timelineKeys } from './read-model/event-keys.js';
import { cursorTime, latestUsers, type LatestUserRow, userCursor } from './read-model/latest-users.js';
import type { ListedUserDto, TimelineDto, TimelineQuery, UserListDto, UserListQuery } from './user-list.dto.js';

/**
 * Lists users, and the events of one user, over all apps that the caller may see. ClickHouse knows the users and their order; MySQL
 * has their ids and totals. Totals go on counting events that have expired.
 */
@Injectable()
export class UserListService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly complete: CompleteTo,
    private readonly copied: CopiedEvents,
    private readonly questions: Questions,
  ) {}

  /** @throws NotFoundError for an app that is not the caller's; but for a search, ReadModelUnavailableError */
  list(asker: Asker, query: UserListQuery): Promise<UserListDto> {
    return query.search === undefined ? this.page(asker, query) : this.found(asker, query, query.search);
  }

  private async page(asker: Asker, query: UserListQuery): Promise<UserListDto> {
    const { apps, asOf } = await this.scope.ask(asker, query.appId, async (manager, found) => ({
      apps: found,
      asOf: (await this.complete.copiedTime(manager, found)).toISOString(),
    }));
    if (apps.length === 0) return { data: [], nextCursor: null, asOf };
    const [now, limit] = [Date.now(), query.limit!];
    const cursor = query.cursor && parseUuid(query.cursor);
    const newest = cursor ? Math.min(cursorTime(cursor), now) : now;
    const found = await this.copied.newest<LatestUserRow>(asker, { newest, oldest: 0, limit: limit + 1 }, (from) =>
      latestUsers(apps, { from }, cursor, limit + 1, now),
    );
    const page = found.slice(0, limit);
    const keys = page.map(({ hexKey }) => hexKey);
    const rows = await this.questions.ask(asker, { apps: apps.length }, (manager) =>
      userTotals(manager, idsOf(apps), keys),
    );
    const data = totalsByUser(keys, rows).map(userDto);
    return { data, nextCursor: found.length > limit ? userCursor(page.at(-1)!) : null, asOf };
  }

  /** @throws NotFoundError for an app that is not the caller's, ReadModelUnavailableError */
  async timeline(asker: Asker, { appId, userId, cursor, limit }: TimelineQuery): Promise<TimelineDto> {
    const { apps, totals, after, asOf } = await this.scope.ask(asker, appId, async (manager, all) => {
      const time = await this.complete.copiedTime(manager, all);
      const known = all.length === 0 ? [] : ofOneKind(await userTotals(manager, idsOf(all), userKeysOf(userId)));
      const own = all.filter(({ id }) => known.some((row) => row.appId === id));
      const last = cursor && own.length > 0 ? await placeOf(manager, idsOf(own), parseUuid(cursor)!) : undefined;
      return { apps: own, totals: known, after: last, asOf: time.toISOString() };
    });
    const [first] = totals;
    if (!first) return { userId, devices: [], data: [], nextCursor: null, asOf };
    const now = Date.now();
    // The totals were read after `asOf`, so they know every event that the answer must have.
    const period = { from: firstSeen(totals), before: lastSeen(totals) + 1 };
    const keys = timelineKeys(apps, first.userKey, period, after, limit! + 1, now);
    const rows = await this.copied.ask<KeyRow>(asker, keys);
    const clients = readClients(await this.copied.ask(asker, clientsQuestion(apps, first.userKey, period, now)));
    const page = rows.slice(0, limit).map(eventKey);
    const events = await this.copied.rows(asker, page);
    const fitting = fittingEntries(events, limit!, listedBytes);
    const isCut = fitting.length < events.length;
    const last = isCut ? fitting.at(-1) : rows.length > limit! ? page.at(-1) : undefined;
    return {
      userId,
      devices: clients.map((client) => ({ ...client, lastSeen: client.lastSeen.toISOString() })),
      data: fitting.map(listedDto),
      nextCursor: last ? formatUuid(last.id) : null,
      asOf,
    };
  }

  /** From MySQL alone, which looks through every user of an app: ClickHouse has no ids of people. */
  private found(asker: Asker, { appId, limit }: UserListQuery, text: string): Promise<UserListDto> {
    const answer = async (connected: EntityManager, apps: readonly AskedApp[]): Promise<UserListDto> => {
      const asOf = (await this.complete.time(connected, apps)).toISOString();
      if (apps.length === 0) return { data: [], nextCursor: null, asOf };
      const data = await connected.transaction('REPEATABLE READ', (manager) =>
        this.search(manager, idsOf(apps), text, limit!),
      );
      return { data, nextCursor: null, asOf };
    };
    return this.scope.ask(asker, appId, answer, { isHeavy: true });
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
    return totalsByUser(keys, rows)
      .sort((a, b) => lastSeen(b) - lastSeen(a))
      .slice(0, limit)
      .map(userDto);
  }
}

/** The rows of each user, in the order of the keys. Users without rows are left out. */
function totalsByUser(keys: readonly string[], rows: readonly UserTotals[]): UserTotals[][] {
  return keys.map((key) => rows.filter((row) => row.userKey === key)).filter((own) => own.length > 0);
}

function firstSeen(rows: readonly UserTotals[]): number {
  return Math.min(...rows.map((row) => row.firstSeen.getTime()));
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
    firstSeen: new Date(firstSeen(rows)).toISOString(),
    lastSeen: newest.lastSeen.toISOString(),
    ...{ device, browser, os },
  };
}
