import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { InvalidInputError } from '../common/app-error.js';
import { ALL_EVENTS } from '../database/all-events.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { type BreakdownDto, type BreakdownQuery, dimensionOf } from './breakdown.dto.js';
import { filtersOf } from './filters.dto.js';
import { type Breakdown, eventBreakdown, holdsMoreThan, nameBreakdown, type ValueCount } from './queries/breakdown.js';
import { type EventCounts, eventCounts } from './queries/event-counts.js';
import { UniqueUsers } from './queries/unique-users.js';
import { rawRange } from './raw-range.js';
import { type TimeRange, timeRange } from './time-range.js';

/**
 * Events that a question may look at one by one. Names of events, and devices, are counted by rollups, whatever the number
 * of events; other dimensions are not.
 */
const LOOKED_AT_MAX = 250_000;

const NOTHING: Breakdown<ValueCount> = { rows: [], total: 0 };

/** The most frequent values of a dimension, with how often, by how many, and their share. */
@Injectable()
export class BreakdownService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly users: UniqueUsers,
  ) {}

  /** @throws InvalidInputError, also where too many events would be looked at; NotFoundError for a foreign app */
  breakdown(asker: Asker, query: BreakdownQuery): Promise<BreakdownDto> {
    const answer = (manager: EntityManager, apps: readonly AskedApp[]) => this.answer(manager, apps, query);
    return this.scope.ask(asker, query.appId, answer, { isHeavy: true });
  }

  private async answer(
    manager: EntityManager,
    apps: readonly AskedApp[],
    query: BreakdownQuery,
  ): Promise<BreakdownDto> {
    const timezone = query.timezone ?? commonZone(apps);
    const range = timeRange(query.startDate, query.endDate, timezone);
    const isEmpty = apps.length === 0 || range.endQuarter <= range.startQuarter;
    const { rows, total } = isEmpty ? NOTHING : await this.count(manager, apps, range, query);
    return {
      ...{ by: query.by, timezone, total },
      data: rows.map((row) => ({ ...row, value: readable(query.by, row.value), share: row.count / total })),
    };
  }

  private count(
    connected: EntityManager,
    apps: readonly AskedApp[],
    range: TimeRange,
    query: BreakdownQuery,
  ): Promise<Breakdown<ValueCount>> {
    return connected.transaction('REPEATABLE READ', (manager) =>
      query.by === 'event' && !isFiltered(filtersOf(query))
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
    const counted: ValueCount[] = [];
    for (const row of rows) {
      counted.push({ ...row, uniqueUsers: await this.users.count(manager, apps, row.value, range) });
    }
    return { rows: counted, total };
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
