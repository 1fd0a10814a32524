import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/caller.js';
import { formatUuid, lowestId, parseUuid } from '../events/event-id.js';
import { QUARTER_MS } from '../events/limits.js';
import { AnalyticsScope, commonZone } from './analytics-scope.js';
import type { EventListDto, EventListQuery, ListedEventDto } from './event-list.dto.js';
import { eventPage, type ListedEvent, scanFloor } from './queries/event-page.js';
import { timeRange } from './time-range.js';

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
    const occurred = { from: range.startQuarter * QUARTER_MS, to: range.endQuarter * QUARTER_MS };
    if (apps.length === 0 || occurred.to <= occurred.from) return { data: [], nextCursor: null };
    const appIds = apps.map((app) => app.id);
    const before = query.cursor ? Buffer.from(parseUuid(query.cursor)!, 'hex') : PAST_EVERY_ID;
    // What occurred then or later has an id of that time or later: occurred_at only ever moves back.
    const oldest = lowestId(occurred.from);
    const { manager } = this.dataSource;
    const floors = await Promise.all(appIds.map((appId) => scanFloor(manager, appId, oldest, before)));
    const floor = floors.reduce((a, b) => (b && (!a || Buffer.compare(b, a) > 0) ? b : a), undefined);
    const limit = query.limit!;
    const isBounded = query.startDate !== undefined || query.endDate !== undefined;
    const page = { from: floor ?? oldest, before, limit: limit + 1 };
    const filters = { ...query, occurred: isBounded ? occurred : undefined };
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
