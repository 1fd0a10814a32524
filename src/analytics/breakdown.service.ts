import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { InvalidInputError } from '../common/app-error.js';
import { ALL_EVENTS } from '../database/all-events.js';
import type { Asker } from '../questions/asker.js';
import { ReadModelQuestions } from '../questions/read-model-questions.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { type BreakdownDto, type BreakdownQuery, dimensionOf } from './breakdown.dto.js';
import { filtersOf } from './filters.dto.js';
import { type Breakdown, eventBreakdown, holdsMoreThan, nameBreakdown, type ValueCount } from './queries/breakdown.js';
import { type EventCounts, eventCounts } from './queries/event-counts.js';
import { keptFrom, periodOf, reachesExpired } from './read-model/asked-rows.js';
import { breakdownQuestion, usersOfNames } from './read-model/breakdown.js';
import { rawRange } from './raw-range.js';
import { type TimeRange, timeRange } from './time-range.js';

/**
 * Events that a question of MySQL may look at one by one, while the copy in ClickHouse is not complete. Names of events, and
 * devices, are counted by rollups, whatever the number of events; other dimensions are not.
 */
const LOOKED_AT_MAX = 250_000;
/** Of ClickHouse, ms. */
const TIME_LIMIT_MS = 10_000;

const NOTHING: Breakdown<ValueCount> = { rows: [], total: 0 };

/** What is asked, once it is known of which apps. */
interface Asked {
  apps: readonly AskedApp[];
  range: TimeRange;
  timezone: string;
  /** Events of the range have expired: MySQL has the counts of names, and ClickHouse their users. */
  isPartly: boolean;
}

/** The most frequent values of a dimension, with how often, by how many, and their share. */
@Injectable()
export class BreakdownService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly readModel: ReadModelQuestions,
  ) {}

  /** @throws InvalidInputError, NotFoundError for a foreign app, ReadModelUnavailableError, QuestionTooLargeError */
  async breakdown(asker: Asker, query: BreakdownQuery): Promise<BreakdownDto> {
    const { asked, counted } = await this.scope.ask(
      asker,
      query.appId,
      (manager, apps) => this.begin(manager, apps, query),
      { isHeavy: !this.readModel.isComplete },
    );
    if (counted && asked.isPartly) return answer(query, asked, await this.withUsers(asker, asked, counted));
    if (counted) return answer(query, asked, counted);
    return answer(query, asked, await this.countCopied(asker, asked, query));
  }

  /** @returns what is counted, unless ClickHouse is to be asked */
  private async begin(
    manager: EntityManager,
    apps: readonly AskedApp[],
    query: BreakdownQuery,
  ): Promise<{ asked: Asked; counted?: Breakdown<ValueCount> }> {
    const timezone = query.timezone ?? commonZone(apps);
    const range = timeRange(query.startDate, query.endDate, timezone);
    const { isComplete } = this.readModel;
    // Names are counted for longer than events are kept.
    const isPartly = isComplete && isOfNames(query) && reachesExpired(apps, range);
    const asked = { apps, range, timezone, isPartly };
    if (apps.length === 0 || range.endQuarter <= range.startQuarter) return { asked, counted: NOTHING };
    if (isComplete && !isPartly) return { asked };
    const { rows, total } = await this.count(manager, apps, range, query);
    return { asked, counted: { total, rows: rows.map((row) => ({ ...row, value: readable(query.by, row.value) })) } };
  }

  private async countCopied(
    asker: Asker,
    { apps, range }: Asked,
    query: BreakdownQuery,
  ): Promise<Breakdown<ValueCount>> {
    const period = periodOf(range);
    if (!period) return NOTHING;
    const question = breakdownQuestion(apps, query.by, period, filtersOf(query), query.limit!, Date.now());
    return question.read(
      await this.readModel.ask(asker, { isHeavy: true }, { ...question, timeLimitMs: TIME_LIMIT_MS }),
    );
  }

  private async withUsers(
    asker: Asker,
    { apps, range }: Asked,
    { rows, total }: Breakdown<ValueCount>,
  ): Promise<Breakdown<ValueCount>> {
    const period = periodOf(range);
    if (!period || rows.length === 0) return { rows, total };
    const names = rows.map(({ value }) => value!);
    const question = { ...usersOfNames(apps, names, period), timeLimitMs: TIME_LIMIT_MS };
    const found = await this.readModel.ask<{ name: string; users: number }>(asker, { isHeavy: true }, question);
    const usersOf = new Map(found.map(({ name, users }) => [name, users]));
    return { total, rows: rows.map((row) => ({ ...row, uniqueUsers: usersOf.get(row.value!) ?? 0 })) };
  }

  private count(
    connected: EntityManager,
    apps: readonly AskedApp[],
    range: TimeRange,
    query: BreakdownQuery,
  ): Promise<Breakdown<ValueCount>> {
    return connected.transaction('REPEATABLE READ', (manager) =>
      isOfNames(query)
        ? this.countNames(manager, apps, range, query.limit!)
        : this.countEvents(manager, apps, range, query),
    );
  }

  private async countNames(
    manager: EntityManager,
    apps: readonly AskedApp[],
    range: TimeRange,
    limit: number,
  ): Promise<Breakdown<ValueCount>> {
    const { rows, total } = await nameBreakdown(manager, idsOf(apps), range, limit);
    return { rows: rows.map((row) => ({ ...row, uniqueUsers: null })), total };
  }

  private async countEvents(
    manager: EntityManager,
    apps: readonly AskedApp[],
    range: TimeRange,
    query: BreakdownQuery,
  ): Promise<Breakdown<ValueCount>> {
    const raw = rawRange(range);
    if (!raw) return NOTHING;
    // By ids, as they are looked at: clocks that run ahead put events where the counts know of none.
    if (await holdsMoreThan(manager, idsOf(apps), raw, LOOKED_AT_MAX)) {
      const counted = countedName(query);
      if (counted === undefined) throw tooMany();
      return deviceSplit(await eventCounts(manager, idsOf(apps), counted, range), query.limit!);
    }
    const { occurredFrom, occurredBefore } = raw;
    const filters = { ...filtersOf(query), occurredFrom, occurredBefore };
    return eventBreakdown(manager, idsOf(apps), dimensionOf(query.by)!, raw, filters, query.limit!);
  }
}

function answer(query: BreakdownQuery, asked: Asked, { rows, total }: Breakdown<ValueCount>): BreakdownDto {
  const { by } = query;
  const { apps, range, timezone } = asked;
  const from = isOfNames(query) ? undefined : keptFrom(apps, range);
  return {
    ...{ by, timezone, total },
    ...(from ? { eventsFrom: from.toISOString() } : {}),
    data: rows.map((row) => ({ ...row, share: row.count / total })),
  };
}

/** Whether names of events are asked for, of all events. */
function isOfNames(query: BreakdownQuery): boolean {
  return query.by === 'event' && !isFiltered(filtersOf(query));
}

function isFiltered(filters: Record<string, readonly unknown[] | undefined>): boolean {
  return Object.values(filters).some((values) => values !== undefined && values.length > 0);
}

/** The name whose counts by device answer the question; undefined: they do not. */
function countedName(query: BreakdownQuery): string | undefined {
  const { event = [], ...others } = filtersOf(query);
  if (query.by !== 'device' || isFiltered(others) || event.length > 1) return undefined;
  return event[0] ?? ALL_EVENTS;
}

/** From the rollups, which do not know the users of a device. */
function deviceSplit(counts: EventCounts, limit: number): Breakdown<ValueCount> {
  const rows = Object.entries(counts)
    .map(([value, count]) => ({ value, count, uniqueUsers: null }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  return { rows: rows.slice(0, limit), total: rows.reduce((sum, { count }) => sum + count, 0) };
}

function tooMany(): InvalidInputError {
  const max = LOOKED_AT_MAX.toLocaleString('en');
  const message = `leaves more than ${max} events to be looked at one by one: ask for a shorter range, or for one app`;
  return new InvalidInputError([{ field: 'startDate', message }], 'too_many_events');
}

function idsOf(apps: readonly AskedApp[]): string[] {
  return apps.map(({ id }) => id);
}

/** Addresses carry what they are marked with percent-encoded. */
function readable(by: string, value: string | null): string | null {
  if (value === null || !by.startsWith('utm')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // Not encoded after all.
  }
}
