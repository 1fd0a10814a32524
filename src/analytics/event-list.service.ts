import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/caller.js';
import { binary } from '../database/binary.js';
import { formatUuid, lowestId, parseUuid } from '../events/event-id.js';
import { QUARTER_MS } from '../events/limits.js';
import { AnalyticsScope, commonZone } from './analytics-scope.js';
import type { EventListDto, EventListQuery, ListedEventDto } from './event-list.dto.js';
import { eventPage, type ListedEvent, scanFloor } from './queries/event-page.js';
import { timeRange } from './time-range.js';

/** MySQL's times end with the year 9999; an end that was left open lies beyond. */
const PAST_EVERY_TIME = Date.UTC(10_000, 0, 1);
const PAST_EVERY_ID = Buffer.alloc(16, 0xff);

/** The events themselves, newest first. What a page looks at is bounded, whatever is asked for. */
@Injectable()
export class EventListService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly dataSource: DataSource,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's */
  async list(caller: Caller, query: EventListQuery): Promise<EventListDto> {
    const apps = await this.scope.of(caller, query.appId);
    const range = timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps));
    const [from, to] = [range.startQuarter * QUARTER_MS, range.endQuarter * QUARTER_MS];
    if (apps.length === 0 || to <= from || from >= PAST_EVERY_TIME) return { data: [], nextCursor: null };
    const appIds = apps.map((app) => app.id);
    const before = query.cursor ? binary(parseUuid(query.cursor)!) : PAST_EVERY_ID;
    // What occurred then or later has an id of that time or later: occurred_at only ever moves back.
    const oldest = lowestId(from);
    const { manager } = this.dataSource;
    const floors = await Promise.all(appIds.map((appId) => scanFloor(manager, appId, oldest, before)));
    const floor = floors.reduce((a, b) => (b && (!a || Buffer.compare(b, a) > 0) ? b : a), undefined);
    const limit = query.limit!;
    const page = { from: floor ?? oldest, before, limit: limit + 1 };
    const { event, url, device, browser, os } = query;
    const occurred = { occurredFrom: from, ...(to < PAST_EVERY_TIME ? { occurredBefore: to } : {}) };
    const filters = { event, url, device, browser, os, ...occurred };
    const events = await eventPage(manager, appIds, page, filters);
    const data = events.slice(0, limit).map(listedDto);
    const next = events.length > limit ? data.at(-1)!.id : floor && formatUuid(floor.toString('hex'));
    return { data, nextCursor: next ?? null };
  }
}

function listedDto(event: ListedEvent): ListedEventDto {
  return {
    ...event,
    id: formatUuid(event.id),
    appId: formatUuid(event.appId),
    occurredAt: event.occurredAt.toISOString(),
    receivedAt: event.receivedAt.toISOString(),
    metadata: event.metadata === null ? null : (JSON.parse(event.metadata) as Record<string, unknown>),
  };
}
