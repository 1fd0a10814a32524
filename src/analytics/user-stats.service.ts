import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/caller.js';
import type { UserAnalytics } from '../database/entities/index.js';
import { userKey } from '../events/distinct-user.js';
import { USER_KINDS } from '../events/event.js';
import { AnalyticsScope } from './analytics-scope.js';
import type { UserStatsDto, UserStatsQuery } from './analytics.dto.js';
import { recentEvents } from './queries/recent-events.js';
import { userTotals } from './queries/user-totals.js';

const RECENT = 10;

/** What is known of one person, over the apps that the caller may see. */
@Injectable()
export class UserStatsService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly dataSource: DataSource,
  ) {}

  /** @throws NotFoundError for an app that is not the caller's */
  async stats(caller: Caller, { userId, appId }: UserStatsQuery): Promise<UserStatsDto> {
    const appIds = (await this.scope.of(caller, appId)).map((app) => app.id);
    if (appIds.length === 0) return nobody(userId);
    return this.dataSource.transaction('REPEATABLE READ', async (manager) => {
      const keys = USER_KINDS.map((kind) => userKey(kind, userId).toString('hex'));
      const rows = ofOneKind(await userTotals(manager, appIds, keys));
      const [first] = rows;
      if (!first) return nobody(userId);
      const inApps = rows.map((row) => row.appId);
      return describe(userId, rows, await recentEvents(manager, inApps, first.userKey, RECENT));
    });
  }
}

/** A user id beats an equal anonymous id, and that a visitor id: they would be different people. */
function ofOneKind(rows: UserAnalytics[]): UserAnalytics[] {
  const kind = USER_KINDS.find((known) => rows.some((row) => row.userKind === known));
  return rows.filter((row) => row.userKind === kind);
}

function describe(
  userId: string,
  rows: UserAnalytics[],
  recent: Awaited<ReturnType<typeof recentEvents>>,
): UserStatsDto {
  const newest = rows.reduce((a, b) => (isNewer(b, a) ? b : a));
  const firstSeen = Math.min(...rows.map((row) => row.firstSeen.getTime()));
  return {
    userId,
    totalEvents: rows.reduce((sum, row) => sum + row.totalEvents, 0),
    deviceDetails: { browser: newest.browser, os: newest.os, device: newest.device },
    ipAddress: newest.ip,
    firstSeen: new Date(firstSeen).toISOString(),
    lastSeen: newest.lastSeen.toISOString(),
    recentEvents: recent.map(({ event, url, occurredAt, device }) => ({
      event,
      url,
      timestamp: occurredAt.toISOString(),
      device,
    })),
  };
}

function isNewer(a: UserAnalytics, b: UserAnalytics): boolean {
  const ms = a.lastSeen.getTime() - b.lastSeen.getTime();
  return ms > 0 || (ms === 0 && a.lastId > b.lastId);
}

function nobody(userId: string): UserStatsDto {
  return {
    userId,
    totalEvents: 0,
    deviceDetails: { browser: null, os: null, device: null },
    ipAddress: null,
    firstSeen: null,
    lastSeen: null,
    recentEvents: [],
  };
}
