import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { ALL_EVENTS } from '../database/all-events.js';
import { DEVICES } from '../events/event.js';
import { QUARTER_MS } from '../events/limits.js';
import type { Asker } from '../questions/asker.js';
import { ReadModelQuestions } from '../questions/read-model-questions.js';
import { QuestionTooLargeError, ReadModelUnavailableError } from '../read-model/questions/read-model-errors.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { CompleteTo } from './complete-to.js';
import type { DeviceDataDto, EventSummaryDto, EventSummaryQuery } from './analytics.dto.js';
import { type CountedSpan, countedSpan, type EventCounts, eventCounts } from './queries/event-counts.js';
import { periodOf, reachesExpired } from './read-model/asked-rows.js';
import { readSummary, summaryQuestion, usersQuestion } from './read-model/summary.js';
import { type TimeRange, timeRange } from './time-range.js';
import { localDay } from './time-zone.js';

/** Time for ClickHouse, waiting for a turn included, ms: with MySQL's counts after it the answer takes less than 4 s. */
const WITHIN_MS = 3000;
/** ms. A question that may take no longer than 4 s has a session of its own in the engine. */
const TIME_LIMIT_MS = 2500;

interface Counted {
  counts: EventCounts;
  /** Null: they cannot be counted just now. */
  users: number | null;
  /** Only where a date was left out. */
  span?: CountedSpan;
}

/** What is asked, once it is known of which apps. */
interface Asked {
  apps: readonly AskedApp[];
  range: TimeRange;
  timezone: string;
  asOf: Date;
  /** Events of the range have expired: MySQL has their counts, and ClickHouse the users. */
  isPartly: boolean;
}

const NOTHING: Counted = { counts: {}, users: 0 };

/**
 * How often, by how many, on what: from ClickHouse. Where events have expired, MySQL's rollups have the counts, and ClickHouse the users;
 * while ClickHouse cannot be asked, there are the counts alone.
 */
@Injectable()
export class EventSummaryService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly readModel: ReadModelQuestions,
    private readonly complete: CompleteTo,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's */
  async summary(asker: Asker, query: EventSummaryQuery): Promise<EventSummaryDto> {
    const { asked, counted } = await this.scope.ask(asker, query.appId, (manager, apps) =>
      this.begin(manager, apps, query),
    );
    if (counted && !asked.isPartly) return answer(query, asked, counted);
    try {
      if (counted) return answer(query, asked, { ...counted, users: await this.countUsers(asker, asked, query) });
      return answer(query, asked, await this.countCopied(asker, asked, query));
    } catch (error) {
      if (!(error instanceof ReadModelUnavailableError) && !(error instanceof QuestionTooLargeError)) throw error;
      this.logger.debug({ err: error.cause ?? error, code: error.code }, 'Answering without unique users');
      return this.scope.ask(asker, query.appId, (manager, apps) => this.answerWithoutUsers(manager, apps, query));
    }
  }

  /** @returns what is counted, unless ClickHouse is to be asked */
  private async begin(
    manager: EntityManager,
    apps: readonly AskedApp[],
    query: EventSummaryQuery,
  ): Promise<{ asked: Asked; counted?: Counted }> {
    const timezone = query.timezone ?? commonZone(apps);
    const range = timeRange(query.startDate, query.endDate, timezone);
    const { isComplete } = this.readModel;
    const asOf = isComplete ? await this.complete.copiedTime(manager, apps) : await this.complete.time(manager, apps);
    const isPartly = isComplete && reachesExpired(apps, range);
    const asked = { apps, range, timezone, asOf, isPartly };
    if (apps.length === 0 || range.endQuarter <= range.startQuarter) {
      return { asked: { ...asked, isPartly: false }, counted: NOTHING };
    }
    return isComplete && !isPartly ? { asked } : { asked, counted: await this.countRollups(manager, asked, query) };
  }

  private async countUsers(asker: Asker, { apps, range }: Asked, query: EventSummaryQuery): Promise<number> {
    const period = periodOf(range);
    if (!period) return 0;
    const question = { ...usersQuestion(apps, query.event, period), timeLimitMs: TIME_LIMIT_MS };
    const [row] = await this.readModel.ask<{ users: number }>(asker, { withinMs: WITHIN_MS }, question);
    return row!.users;
  }

  private async countCopied(asker: Asker, asked: Asked, query: EventSummaryQuery): Promise<Counted> {
    const period = periodOf(asked.range);
    if (!period) return NOTHING;
    const question = { ...summaryQuestion(asked.apps, query.event, period, Date.now()), timeLimitMs: TIME_LIMIT_MS };
    return readSummary(await this.readModel.ask(asker, { withinMs: WITHIN_MS }, question));
  }

  /** From the counts of MySQL, which are complete up to a later time than the copy. */
  private async answerWithoutUsers(
    manager: EntityManager,
    apps: readonly AskedApp[],
    query: EventSummaryQuery,
  ): Promise<EventSummaryDto> {
    const timezone = query.timezone ?? commonZone(apps);
    const range = timeRange(query.startDate, query.endDate, timezone);
    const asked = { apps, range, timezone, asOf: await this.complete.time(manager, apps), isPartly: false };
    return answer(query, asked, apps.length === 0 ? NOTHING : await this.countRollups(manager, asked, query));
  }

  /** Without users. All is asked of one moment. */
  private countRollups(connected: EntityManager, { apps, range }: Asked, query: EventSummaryQuery): Promise<Counted> {
    const event = query.event ?? ALL_EVENTS;
    const isOpen = query.startDate === undefined || query.endDate === undefined;
    const appIds = apps.map((app) => app.id);
    return connected.transaction('REPEATABLE READ', async (manager) => {
      const counts = await eventCounts(manager, appIds, event, range);
      if (Object.keys(counts).length === 0) return NOTHING;
      return { counts, users: null, span: isOpen ? await countedSpan(manager, appIds, event, range) : undefined };
    });
  }
}

function answer(
  { event, startDate, endDate }: EventSummaryQuery,
  { timezone, asOf }: Asked,
  { counts, users, span }: Counted,
): EventSummaryDto {
  const deviceData = everyDevice(counts);
  return {
    event: event ?? null,
    count: Object.values(deviceData).reduce((sum, n) => sum + n, 0),
    uniqueUsers: users,
    deviceData,
    startDate: startDate ?? dayOf(span?.first, timezone),
    endDate: endDate ?? dayOf(span?.last, timezone),
    timezone,
    asOf: asOf.toISOString(),
    ...(users === null ? { degraded: ['uniqueUsers'] } : {}),
  };
}

function everyDevice(counts: EventCounts): DeviceDataDto {
  return Object.fromEntries(DEVICES.map((device) => [device, counts[device] ?? 0])) as unknown as DeviceDataDto;
}

function dayOf(quarter: number | undefined, zone: string): string | null {
  return quarter === undefined ? null : localDay(zone, quarter * QUARTER_MS);
}
