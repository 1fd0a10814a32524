import { Injectable } from '@nestjs/common';
import { fittingEntries } from '../common/page-size.js';
import { formatUuid, parseUuid, storedIdTime } from '../events/event-id.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, commonZone } from './analytics-scope.js';
import { CompleteTo } from './complete-to.js';
import { CopiedEvents } from './copied-events.js';
import { type EventListDto, type EventListQuery, listedBytes, listedDto } from './event-list.dto.js';
import { filtersOf } from './filters.dto.js';
import { periodOf } from './read-model/asked-rows.js';
import { eventKey, type KeyRow, newestKeys } from './read-model/event-keys.js';
import { timeRange } from './time-range.js';

/** The events themselves, newest first. */
@Injectable()
export class EventListService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly complete: CompleteTo,
    private readonly copied: CopiedEvents,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's, ReadModelUnavailableError */
  async list(asker: Asker, query: EventListQuery): Promise<EventListDto> {
    const { apps, asOf } = await this.scope.ask(asker, query.appId, async (manager, found) => ({
      apps: found,
      asOf: (await this.complete.copiedTime(manager, found)).toISOString(),
    }));
    const period = periodOf(timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps)));
    if (apps.length === 0 || !period) return { data: [], nextCursor: null, asOf };
    const [now, limit] = [Date.now(), query.limit!];
    const beforeId = query.cursor && parseUuid(query.cursor);
    const newest = Math.min(now, period.before ?? now, beforeId ? storedIdTime(beforeId) : now);
    // A stated time is never earlier than the time at which the event occurred, so no id before the period is needed.
    const span = { newest, oldest: period.from, limit: limit + 1 };
    const rows = await this.copied.newest<KeyRow>(asker, span, (statedFrom) =>
      newestKeys(apps, period, filtersOf(query), { beforeId, statedFrom, limit: limit + 1 }, now),
    );
    const keys = rows.slice(0, limit).map(eventKey);
    const events = await this.copied.rows(asker, keys);
    const fitting = fittingEntries(events, limit, listedBytes);
    const isCut = fitting.length < events.length;
    const last = isCut ? fitting.at(-1) : rows.length > limit ? keys.at(-1) : undefined;
    return { data: fitting.map(listedDto), nextCursor: last ? formatUuid(last.id) : null, asOf };
  }
}
