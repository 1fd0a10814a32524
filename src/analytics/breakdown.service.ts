import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { InvalidInputError } from '../common/app-error.js';
import type { Caller } from '../common/caller.js';
import { ALL_EVENTS } from '../database/all-events.js';
import { QUARTERS_A_DAY } from '../events/limits.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { type BreakdownDto, type BreakdownQuery, dimensionOf } from './breakdown.dto.js';
import { filtersOf } from './filters.dto.js';
import { type Breakdown, eventBreakdown, nameBreakdown, type ValueCount } from './queries/breakdown.js';
import { eventCounts } from './queries/event-counts.js';
import { UniqueUsers } from './queries/unique-users.js';
import { rawRange } from './raw-range.js';
import { type TimeRange, timeRange } from './time-range.js';

/**
 * Events that a question may look at one by one. Names of events are counted by rollups, whatever the number of events;
 * other dimensions are not.
 */
export const LOOKED_AT_MAX = 250_000;

const NOTHING: Breakdown<ValueCount> = { rows: [], total: 0 };

/** The most frequent values of a dimension, with how often, by how many, and their share. */
@Injectable()
export class BreakdownService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly users: UniqueUsers,
    private readonly dataSource: DataSource,
  ) {}

  /** @throws InvalidInputError, also where too many events would be looked at; NotFoundError for a foreign app */
  async breakdown(caller: Caller, query: BreakdownQuery): Promise<BreakdownDto> {
    const apps = await this.scope.of(caller, query.appId);
    const timezone = query.timezone ?? commonZone(apps);
    const range = timeRange(query.startDate, query.endDate, timezone);
    const isEmpty = apps.length === 0 || range.endQuarter <= range.startQuarter;
    const { rows, total } = isEmpty ? NOTHING : await this.count(apps, range, query);
    return {
      ...{ by: query.by, timezone, total },
      data: rows.map((row) => ({ ...row, value: readable(query.by, row.value), share: row.count / total })),
    };
  }

  private count(apps: readonly AskedApp[], range: TimeRange, query: BreakdownQuery): Promise<Breakdown<ValueCount>> {
    const isFiltered = Object.values(filtersOf(query)).some((values) => values !== undefined && values.length > 0);
    return this.dataSource.transaction('REPEATABLE READ', (manager) =>
      query.by === 'event' && !isFiltered
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
    await assertFewEnough(manager, idsOf(apps), range);
    const { occurredFrom, occurredBefore } = raw;
    const filters = { ...filtersOf(query), occurredFrom, occurredBefore };
    return eventBreakdown(manager, idsOf(apps), dimensionOf(query.by)!, raw, filters, query.limit!);
  }
}

/**
 * What lies between the ids of the range, up to a day after its end.
 * @throws InvalidInputError
 */
export async function assertFewEnough(
  manager: EntityManager,
  appIds: readonly string[],
  { startQuarter, endQuarter }: TimeRange,
): Promise<void> {
  const lookedAt = { startQuarter, endQuarter: endQuarter + QUARTERS_A_DAY };
  const counts = await eventCounts(manager, appIds, ALL_EVENTS, lookedAt);
  const events = Object.values(counts).reduce((sum, n) => sum + n, 0);
  if (events <= LOOKED_AT_MAX) return;
  const [found, max] = [events, LOOKED_AT_MAX].map((n) => n.toLocaleString('en'));
  const message = `leaves ${found} events to be looked at one by one, and at most ${max} are: ask for a shorter range, or one app`;
  throw new InvalidInputError([{ field: 'startDate', message }], 'too_many_events');
}

function idsOf(apps: readonly AskedApp[]): string[] {
  return apps.map(({ id }) => id);
}

/** Addresses carry what they are marked with percent-encoded. */
function readable(by: string, value: string | null): string | null {
  if (value === null || !by.startsWith('utm')) return value;
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value; // Not encoded after all.
  }
}
