import { formatUuid } from '../../events/event-id.js';
import { DAY_MS, QUARTER_MS } from '../../events/limits.js';
import { sqlTime } from '../repositories/bulk.js';

/**
 * One comparison of a rollup with a recount from `events`, both ways: missing, surplus and differing cells. It is a single
 * statement that answers with the differing cells alone, so that the counting stays on the database's side. SQL_BIG_RESULT has it group by sorting: a temporary
 * table with a key took five times as long at half a million cells.
 */
export interface Check<Row = Record<string, unknown>> {
  /** The table that is checked. */
  table: string;
  sql: string;
  /** The values bound to it, in order. */
  parameters(scope: Scope): unknown[];
  /** One line for people, without app and table. */
  describe(row: Row): string;
}

/** What is checked of an app: cells that begin at a moment or later. Where retention deleted nothing, that is all. */
export interface Scope {
  app: Buffer;
  /** Quarter-hours since 1970, and the same as a DATETIME. */
  quarter: number;
  quarterTime: string;
  /** Only people who were first seen from then on. */
  firstSeen: string;
}

/** Cells before, or around, the moment up to which retention has deleted hold events that are not there any more. */
export function scopeOf(app: Buffer, deletedBefore: Date | null): Scope {
  const time = deletedBefore?.getTime();
  const quarter = time === undefined ? 0 : Math.floor(time / QUARTER_MS) + 1;
  return {
    app,
    quarter,
    quarterTime: sqlTime(quarter * QUARTER_MS),
    firstSeen: sqlTime(time ?? 0),
  };
}

/** Quarter-hours since 1970 of `occurred_at`; sessions run in UTC. (UNIX_TIMESTAMP would end in 2038.) */
export const QUARTER = `TIMESTAMPDIFF(MINUTE, '1970-01-01', occurred_at) DIV 15`;

export function quarterText(quarter: string | number): string {
  return `${new Date(Number(quarter) * QUARTER_MS).toISOString().slice(0, 16)}Z`;
}

export function dayText(day: string | number): string {
  return new Date(Number(day) * DAY_MS).toISOString().slice(0, 10);
}

/** The empty name stands for all events. */
export function eventText(event: Buffer): string {
  return event.length === 0 ? 'all events' : `event ${JSON.stringify(event.toString())}`;
}

export function idText(id: Buffer): string {
  return formatUuid(id.toString('hex'));
}
