import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { binary } from '../database/binary.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { fittingEntries } from '../common/page-size.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { type EventListDto, type EventListQuery, listedBytes, listedDto } from './event-list.dto.js';
import { eventPage, scanFloor } from './queries/event-page.js';
import { filtersOf } from './filters.dto.js';
import { rawRange } from './raw-range.js';
import { timeRange } from './time-range.js';

/** The events themselves, newest first. What a page looks at is bounded, whatever is asked for. */
@Injectable()
export class EventListService {
  constructor(private readonly scope: AnalyticsScope) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's */
  list(asker: Asker, query: EventListQuery): Promise<EventListDto> {
    return this.scope.ask(asker, query.appId, (manager, apps) => this.answer(manager, apps, query));
  }

  private async answer(
    manager: EntityManager,
    apps: readonly AskedApp[],
    query: EventListQuery,
  ): Promise<EventListDto> {
    const range = rawRange(timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps)));
    if (apps.length === 0 || !range) return { data: [], nextCursor: null };
    const appIds = apps.map((app) => app.id);
    const cursor = query.cursor ? binary(parseUuid(query.cursor)!) : range.beforeId;
    const before = Buffer.compare(cursor, range.beforeId) < 0 ? cursor : range.beforeId;
    const limit = query.limit!;
    const { occurredFrom, occurredBefore } = range;
    const filters = { ...filtersOf(query), occurredFrom, occurredBefore };
    const floor = await scanFloor(manager, appIds, range.fromId, before);
    const page = { from: floor ?? range.fromId, before, limit: limit + 1 };
    const events = await eventPage(manager, appIds, page, filters);
    const data = fittingEntries(events, limit, listedBytes).map(listedDto);
    const next = events.length > data.length ? data.at(-1)!.id : floor && formatUuid(floor.toString('hex'));
    return { data, nextCursor: next ?? null };
  }
}
