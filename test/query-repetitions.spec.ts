import type { Type } from '@nestjs/common';
import { BreakdownQuery } from '../src/analytics/breakdown.dto.js';
import { EventSummaryQuery, UserStatsQuery } from '../src/analytics/analytics.dto.js';
import { EventListQuery } from '../src/analytics/event-list.dto.js';
import { ExportQuery } from '../src/analytics/event-export.dto.js';
import { LiveQuery } from '../src/analytics/live.dto.js';
import { SeriesQuery } from '../src/analytics/series.dto.js';
import { TimelineQuery, UserListQuery } from '../src/analytics/user-list.dto.js';
import { DeadLettersQuery } from '../src/dead-letters/dead-letters.dto.js';
import type { InvalidInputError } from '../src/common/app-error.js';
import { PageQuery } from '../src/common/page-query.dto.js';
import { knownFields, PayloadPipe } from '../src/common/payload.pipe.js';

const QUERIES: Type[] = [
  ...[BreakdownQuery, EventSummaryQuery, UserStatsQuery, EventListQuery, ExportQuery, LiveQuery, SeriesQuery],
  ...[TimelineQuery, UserListQuery, DeadLettersQuery, PageQuery],
];
const LISTS = new Set([
  ...['event', 'url', 'referrerHost', 'device', 'browser', 'os', 'metadata'],
  ...['utmSource', 'utmMedium', 'utmCampaign', 'utmTerm', 'utmContent'],
]);
const pipe = new PayloadPipe();

function errorsOf(metatype: Type, query: Record<string, unknown>): { field: string; message: string }[] {
  try {
    pipe.transform(query, { type: 'query', metatype });
    return [];
  } catch (error) {
    return (error as InvalidInputError).errors!;
  }
}

const everyField = QUERIES.flatMap((query) =>
  [...knownFields(query)].map((field): [string, string, Type] => [query.name, field, query]),
);

test.each(everyField)('%s: %s with a value given twice is refused, and named', (_name, field, query) => {
  const told = errorsOf(query, { [field]: ['same', 'same'] }).filter((one) => one.field === field);
  expect(told[0]!.message).toContain('more than once');
  const snake = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  expect(errorsOf(query, { [snake]: ['same', 'same'] }).map((one) => one.field)).toContain(field);
});

test.each(everyField)('%s: %s with two values', (name, field, query) => {
  const takesSeveral = LISTS.has(field) && name !== 'EventSummaryQuery';
  const told = errorsOf(query, { [field]: ['one', 'other'] });
  expect(told.some((one) => one.field === field && one.message.includes('it takes one value'))).toBe(!takesSeveral);
});

test('several values of a list are kept, in order', () => {
  const query = { event: ['b', 'a'], interval: 'day' };
  expect(pipe.transform(query, { type: 'query', metatype: SeriesQuery })).toMatchObject(query);
});
