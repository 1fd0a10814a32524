import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { InvalidInputError } from '../common/app-error.js';
import { ALL_EVENTS } from '../database/all-events.js';
import { DAY_MS, QUARTER_MS } from '../events/limits.js';
import type { Asker } from '../questions/asker.js';
import { ReadModelQuestions } from '../questions/read-model-questions.js';
import { AnalyticsScope, type AskedApp, commonZone, idsOf } from './analytics-scope.js';
import { type Bucket, buckets } from './buckets.js';
import { CompleteTo } from './complete-to.js';
import { bucketCounts } from './queries/bucket-counts.js';
import { parseRangeBound } from './range-bound.js';
import { readModelAway } from '../read-model/questions/read-model-errors.js';
import { reachesExpired } from './read-model/asked-rows.js';
import { type PeriodCounts, seriesQuestion } from './read-model/series.js';
import {
  type BucketDto,
  type OneSeriesDto,
  type PeriodDto,
  type SeriesDto,
  SERIES_MAX_BUCKETS,
  type SeriesQuery,
} from './series.dto.js';
import { type TimeRange, timeRange } from './time-range.js';
import { Steps } from '../common/steps.js';
import { localDay } from './time-zone.js';

const DAYS_BY_DEFAULT = 30;
/** Of ClickHouse, ms. */
const TIME_LIMIT_MS = 10_000;
/** Buckets that are asked for without waiting for other questions that read much. */
const LIGHT_BUCKETS = 100;

/** How often, and by how many, over time: from ClickHouse. Where events have expired, MySQL's rollups have the counts. */
@Injectable()
export class SeriesService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly readModel: ReadModelQuestions,
    private readonly complete: CompleteTo,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's, ReadModelUnavailableError */
  async series(asker: Asker, query: SeriesQuery): Promise<SeriesDto> {
    const { asked, counted } = await this.scope.ask(asker, query.appId, (manager, apps) =>
      this.begin(manager, apps, query),
    );
    const { apps, timezone, asOf } = asked;
    const copied = apps.length > 0 ? await this.countCopied(asker, asked, query) : undefined;
    const series = copied && counted ? withUsers(counted, copied) : (copied ?? counted!);
    return { interval: query.interval ?? 'day', timezone, asOf: asOf.toISOString(), series };
  }

  /** @returns what is counted, unless ClickHouse is to be asked for all of it */
  private async begin(
    connected: EntityManager,
    apps: readonly AskedApp[],
    query: SeriesQuery,
  ): Promise<{ asked: Asked; counted?: OneSeriesDto[] }> {
    const timezone = query.timezone ?? commonZone(apps);
    const interval = query.interval ?? 'day';
    const bounds = askedBounds(query, timezone);
    const steps = new Steps();
    const periods: Period[] = [];
    for (const { start, end } of [bounds, ...(query.compare ? [boundsBefore(bounds, timezone)] : [])]) {
      const range = timeRange(start, end, timezone);
      const list: Bucket[] = [];
      for (const bucket of buckets(range, interval, timezone, SERIES_MAX_BUCKETS)) {
        list.push(bucket);
        await steps.pause();
      }
      periods.push({ range, buckets: bounded(list) });
    }
    // Nobody else counts users.
    if (!this.readModel.isComplete && apps.length > 0) throw readModelAway();
    const withArchive = periods.some(({ range }) => reachesExpired(apps, range));
    const asOf = await this.complete.copiedTime(connected, apps);
    const asked = { apps, timezone, periods, asOf, withArchive };
    if (apps.length > 0 && !withArchive) return { asked };
    const ask = (manager: EntityManager, event: string, period: Period) =>
      apps.length === 0 ? nothing(period) : this.period(manager, apps, event, period, asOf);
    const counted = await connected.transaction('REPEATABLE READ', async (manager) => {
      const found = [];
      for (const event of query.event ?? [null]) {
        const [now, before] = periods as [Period, Period | undefined];
        const current = await ask(manager, event ?? ALL_EVENTS, now);
        const previous = before && (await ask(manager, event ?? ALL_EVENTS, before));
        found.push({ event, ...current, ...(previous ? { previous } : {}) });
      }
      return found;
    });
    return { asked, counted };
  }

  /** One statement for each period, whatever the number of events. */
  private async countCopied(
    asker: Asker,
    { apps, periods, asOf, withArchive }: Asked,
    query: SeriesQuery,
  ): Promise<OneSeriesDto[]> {
    const found: ((event: string) => PeriodDto)[] = [];
    const isHeavy = periods.some((period) => period.buckets.length > LIGHT_BUCKETS);
    for (const period of periods) {
      const question = seriesQuestion(
        ...([apps, query.event, period.range, period.buckets, Date.now(), asOf, withArchive] as const),
      );
      const limited = question && { ...question, timeLimitMs: TIME_LIMIT_MS };
      const counts = limited?.read(await this.readModel.ask(asker, { isHeavy }, limited));
      found.push((event) => periodDto(period, counts?.get(event), asOf));
    }
    const [now, before] = found as [(event: string) => PeriodDto, ((event: string) => PeriodDto)?];
    return (query.event ?? [null]).map((event) => ({
      event,
      ...now(event ?? ALL_EVENTS),
      ...(before ? { previous: before(event ?? ALL_EVENTS) } : {}),
    }));
  }

  /** The counts alone: MySQL keeps those of expired events. */
  private async period(
    manager: EntityManager,
    apps: readonly AskedApp[],
    event: string,
    { range, buckets: list }: Period,
    asOf: Date,
  ): Promise<PeriodDto> {
    const counts = await bucketCounts(manager, idsOf(apps), event, list);
    return {
      ...bounds(range),
      count: counts.reduce((sum, n) => sum + n, 0),
      uniqueUsers: 0,
      buckets: list.map((bucket, i) => bucketDto(bucket, counts[i]!, 0, asOf)),
    };
  }
}

/** What is asked, once it is known of which apps. */
interface Asked {
  apps: readonly AskedApp[];
  timezone: string;
  /** One, or two where they are compared. */
  periods: Period[];
  asOf: Date;
  /** Events of the range have expired: MySQL has their counts, and ClickHouse the users. */
  withArchive: boolean;
}

interface Period {
  range: TimeRange;
  buckets: Bucket[];
}

interface Bounds {
  start: string;
  end: string;
}

/** What was asked, or 30 days up to the last, which is today when nothing else was said. */
function askedBounds({ startDate, endDate }: SeriesQuery, zone: string): Bounds {
  const end = endDate ?? localDay(zone, Date.now());
  const lastDay =
    parseRangeBound(end)!.kind === 'day'
      ? end
      : localDay(zone, timeRange(end, undefined, zone).startQuarter * QUARTER_MS);
  return { start: startDate ?? dayPlus(lastDay, 1 - DAYS_BY_DEFAULT), end };
}

/** The same number of days before, or the same length of time where clock times were asked. */
function boundsBefore({ start, end }: Bounds, zone: string): Bounds {
  if (parseRangeBound(start)!.kind === 'day' && parseRangeBound(end)!.kind === 'day') {
    const days = (Date.parse(end) - Date.parse(start)) / DAY_MS + 1;
    return { start: dayPlus(start, -days), end: dayPlus(start, -1) };
  }
  const { startQuarter, endQuarter } = timeRange(start, end, zone);
  return { start: timeText(2 * startQuarter - endQuarter), end: timeText(startQuarter) };
}

function dayPlus(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

function timeText(quarter: number): string {
  return new Date(quarter * QUARTER_MS).toISOString();
}

/** @throws InvalidInputError naming what to change */
function bounded(list: Bucket[]): Bucket[] {
  if (list.length <= SERIES_MAX_BUCKETS) return list;
  const message = `makes more than ${SERIES_MAX_BUCKETS} buckets of this range: ask for longer ones, or for a shorter range`;
  throw new InvalidInputError([{ field: 'interval', message }]);
}

/** MySQL's counts with ClickHouse's users. Both are of the same names, periods and buckets. */
function withUsers(counted: readonly OneSeriesDto[], copied: readonly OneSeriesDto[]): OneSeriesDto[] {
  const merged = (counts: PeriodDto, users: PeriodDto): PeriodDto => ({
    ...counts,
    uniqueUsers: users.uniqueUsers,
    buckets: counts.buckets.map((bucket, i) => ({ ...bucket, uniqueUsers: users.buckets[i]!.uniqueUsers })),
  });
  return counted.map((one, i) => {
    const { previous, ...users } = copied[i]!;
    return {
      ...{ event: one.event, ...merged(one, users) },
      ...(one.previous && previous ? { previous: merged(one.previous, previous) } : {}),
    };
  });
}

function periodDto({ range, buckets: list }: Period, counts: PeriodCounts | undefined, asOf: Date): PeriodDto {
  const { count = 0, uniqueUsers = 0 } = counts ?? {};
  return {
    ...bounds(range),
    ...{ count, uniqueUsers },
    buckets: list.map((bucket, i) => {
      const own = counts?.buckets[i];
      return bucketDto(bucket, own?.count ?? 0, own?.uniqueUsers ?? 0, asOf);
    }),
  };
}

function nothing({ range, buckets: list }: Period): PeriodDto {
  return {
    ...bounds(range),
    count: 0,
    uniqueUsers: 0,
    buckets: list.map((bucket) => bucketDto(bucket, 0, 0, new Date(0))),
  };
}

function bounds({ startQuarter, endQuarter }: TimeRange): Pick<PeriodDto, 'start' | 'end'> {
  return { start: timeText(startQuarter), end: timeText(endQuarter) };
}

function bucketDto(
  { startQuarter, endQuarter, label, whole }: Bucket,
  count: number,
  uniqueUsers: number,
  asOf: Date,
): BucketDto {
  const complete = whole && endQuarter * QUARTER_MS <= asOf.getTime();
  return { start: timeText(startQuarter), label, count, uniqueUsers, complete };
}
