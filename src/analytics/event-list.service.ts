import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/caller.js';
import { binary } from '../database/binary.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { AnalyticsScope, commonZone } from './analytics-scope.js';
import { type EventListDto, type EventListQuery, listedDto } from './event-list.dto.js';
import { eventPage, scanFloor } from './queries/event-page.js';
import { filtersOf } from './filters.dto.js';
import { RawQuestions } from './raw-questions.js';
import { rawRange } from './raw-range.js';
import { timeRange } from './time-range.js';

/** The events themselves, newest first. What a page looks at is bounded, whatever is asked for. */
@Injectable()
export class EventListService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly questions: RawQuestions,
    private readonly dataSource: DataSource,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's */
  async list(caller: Caller, query: EventListQuery): Promise<EventListDto> {
    const apps = await this.scope.of(caller, query.appId);
    const range = rawRange(timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps)));
    if (apps.length === 0 || !range) return { data: [], nextCursor: null };
    const appIds = apps.map((app) => app.id);
    const cursor = query.cursor ? binary(parseUuid(query.cursor)!) : range.beforeId;
    const before = Buffer.compare(cursor, range.beforeId) < 0 ? cursor : range.beforeId;
    const { manager } = this.dataSource;
    const limit = query.limit!;
    const { occurredFrom, occurredBefore } = range;
    const filters = { ...filtersOf(query), occurredFrom, occurredBefore };
    const { events, floor } = await this.questions.ask(apps[0]!.ownerId, async () => {
      const lowest = await scanFloor(manager, appIds, range.fromId, before);
      const page = { from: lowest ?? range.fromId, before, limit: limit + 1 };
      return { events: await eventPage(manager, appIds, page, filters), floor: lowest };
    });
    const data = events.slice(0, limit).map(listedDto);
    const next = events.length > limit ? data.at(-1)!.id : floor && formatUuid(floor.toString('hex'));
    return { data, nextCursor: next ?? null };
  }
}
