import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ALL_EVENTS } from '../database/all-events.js';
import { DEVICES } from '../events/event.js';
import { QUARTER_MS } from '../events/limits.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { CompleteTo } from './complete-to.js';
import type { DeviceDataDto, EventSummaryDto, EventSummaryQuery } from './analytics.dto.js';
import { type CountedSpan, countedSpan, type EventCounts, eventCounts } from './queries/event-counts.js';
import { UniqueUsers } from './queries/unique-users.js';
import { type TimeRange, timeRange } from './time-range.js';
import { localDay } from './time-zone.js';

interface Counted {
  counts: EventCounts;
  users: number;
  /** Only where a date was left out. */
  span?: CountedSpan;
}

/** How often, by how many, on what: from the rollups, whatever the number of events. */
@Injectable()
export class EventSummaryService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly complete: CompleteTo,
    private readonly users: UniqueUsers,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's */
  summary(asker: Asker, query: EventSummaryQuery): Promise<EventSummaryDto> {
    return this.scope.ask(asker, query.appId, (manager, apps) => this.answer(manager, apps, query));
  }

  private async answer(
    manager: EntityManager,
    apps: readonly AskedApp[],
    query: EventSummaryQuery,
  ): Promise<EventSummaryDto> {
    const timezone = query.timezone ?? commonZone(apps);
    const range = timeRange(query.startDate, query.endDate, timezone);
    const completeTo = await this.complete.time(manager, apps);
    const isOpen = query.startDate === undefined || query.endDate === undefined;
    const { counts, users, span } = await this.count(manager, apps, query.event ?? ALL_EVENTS, range, isOpen);
    const deviceData = everyDevice(counts);
    return {
      event: query.event ?? null,
      count: Object.values(deviceData).reduce((sum, n) => sum + n, 0),
      uniqueUsers: users,
      deviceData,
      startDate: query.startDate ?? dayOf(span?.first, timezone),
      endDate: query.endDate ?? dayOf(span?.last, timezone),
      timezone,
      asOf: completeTo.toISOString(),
    };
  }

  /** All is asked of one moment: no commit comes between counts and users. */
  private count(
    connected: EntityManager,
    apps: readonly AskedApp[],
    event: string,
    range: TimeRange,
    isOpen: boolean,
  ): Promise<Counted> {
    const nothing = { counts: {}, users: 0 };
    if (apps.length === 0 || range.endQuarter <= range.startQuarter) return Promise.resolve(nothing);
    const appIds = apps.map((app) => app.id);
    return connected.transaction('REPEATABLE READ', async (manager) => {
      const counts = await eventCounts(manager, appIds, event, range);
      if (Object.keys(counts).length === 0) return nothing;
      const users = await this.users.count(manager, apps, event, range);
      return { counts, users, span: isOpen ? await countedSpan(manager, appIds, event, range) : undefined };
    });
  }
}

function everyDevice(counts: EventCounts): DeviceDataDto {
  return Object.fromEntries(DEVICES.map((device) => [device, counts[device] ?? 0])) as unknown as DeviceDataDto;
}

function dayOf(quarter: number | undefined, zone: string): string | null {
  return quarter === undefined ? null : localDay(zone, quarter * QUARTER_MS);
}
