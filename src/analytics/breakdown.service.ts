import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Asker } from '../questions/asker.js';
import { ReadModelQuestions } from '../questions/read-model-questions.js';
import { AnalyticsScope, type AskedApp, commonZone, idsOf } from './analytics-scope.js';
import type { BreakdownDto, BreakdownQuery } from './breakdown.dto.js';
import { filtersOf, isFiltered } from './filters.dto.js';
import { type Breakdown, nameBreakdown, type ValueCount } from './queries/breakdown.js';
import { keptFrom, periodOf, reachesExpired } from './read-model/asked-rows.js';
import { breakdownQuestion, usersOfNames } from './read-model/breakdown.js';
import { type TimeRange, timeRange } from './time-range.js';

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
    const { asked, counted } = await this.scope.ask(asker, query.appId, (manager, apps) =>
      this.begin(manager, apps, query),
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
    const isCounted = isPartly || (!isComplete && isOfNames(query));
    return isCounted ? { asked, counted: await this.countNames(manager, apps, range, query.limit!) } : { asked };
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

  private async countNames(
    manager: EntityManager,
    apps: readonly AskedApp[],
    range: TimeRange,
    limit: number,
  ): Promise<Breakdown<ValueCount>> {
    const { rows, total } = await nameBreakdown(manager, idsOf(apps), range, limit);
    return { rows: rows.map((row) => ({ ...row, uniqueUsers: null })), total };
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
