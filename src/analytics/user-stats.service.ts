import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { formatUuid } from '../events/event-id.js';
import { userKeysOf } from '../events/person.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope } from './analytics-scope.js';
import type { UserStatsDto, UserStatsQuery } from './analytics.dto.js';
import { recentEvents } from './queries/recent-events.js';
import { newestOf, ofOneKind, type UserTotals, userTotals } from './queries/user-totals.js';

const RECENT = 10;

/** What is known of one person, over the apps that the caller may see. */
@Injectable()
export class UserStatsService {
  constructor(private readonly scope: AnalyticsScope) {}

  /** @throws NotFoundError for an app that is not the caller's */
  stats(asker: Asker, { userId, appId }: UserStatsQuery): Promise<UserStatsDto> {
    return this.scope.ask(asker, appId, (manager, apps) =>
      this.answer(
        manager,
        apps.map((app) => app.id),
        userId,
      ),
    );
  }

  private async answer(manager: EntityManager, appIds: readonly string[], userId: string): Promise<UserStatsDto> {
    if (appIds.length === 0) return nobody(userId);
    // No transaction around the two questions: it would cost as much as they do. An event that is committed in between is
    // among the newest a moment before it is in the total.
    const rows = ofOneKind(await userTotals(manager, appIds, userKeysOf(userId)));
    const [first] = rows;
    if (!first) return nobody(userId);
    const activity = {
      appIds: rows.map((row) => row.appId),
      userKey: first.userKey,
      totalEvents: rows.reduce((sum, row) => sum + row.totalEvents, 0),
      firstSeen: Math.min(...rows.map((row) => row.firstSeen.getTime())),
      lastSeen: Math.max(...rows.map((row) => row.lastSeen.getTime())),
    };
    return describe(userId, rows, await recentEvents(manager, activity, RECENT));
  }
}

function describe(userId: string, rows: UserTotals[], recent: Awaited<ReturnType<typeof recentEvents>>): UserStatsDto {
  const newest = newestOf(rows);
  const firstSeen = Math.min(...rows.map((row) => row.firstSeen.getTime()));
  return {
    userId,
    totalEvents: rows.reduce((sum, row) => sum + row.totalEvents, 0),
    deviceDetails: { browser: newest.browser, os: newest.os, device: newest.device },
    ipAddress: newest.ip,
    firstSeen: new Date(firstSeen).toISOString(),
    lastSeen: newest.lastSeen.toISOString(),
    recentEvents: recent.map(({ id, occurredAt, ...event }) => {
      const time = occurredAt.toISOString();
      return { id: formatUuid(id), ...event, occurredAt: time, timestamp: time };
    }),
  };
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
