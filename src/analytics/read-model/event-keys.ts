import type { ReadModelQuestion } from '../../read-model/questions/read-model-reader.js';
import { SqlValues } from '../../read-model/sql-values.js';
import { lowestId } from '../../events/event-id.js';
import { DAY_MS } from '../../events/limits.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import type { EventKey } from '../queries/event-outcome.js';
import type { EventPlace } from '../queries/event-place.js';
import { askedRows, type Period } from './asked-rows.js';
import { type AskedFilters, filterConditions } from './filters.js';

/** A question for keys of events, whose rows MySQL has. */
export type KeyQuestion = Omit<ReadModelQuestion, 'timeLimitMs'>;

/** As ClickHouse answers it. */
export interface KeyRow {
  app: string;
  hexId: string;
}

/** hex() leaves out zeros in front. */
const KEY = "replaceAll(toString(app_id), '-', '') AS app, leftPad(lower(hex(id)), 32, '0') AS hexId";

export function eventKey({ app, hexId }: KeyRow): EventKey {
  return { appId: app, id: hexId };
}

/** Which page of a list is asked for. */
export interface NewestPage {
  /** 32 hex digits: only events with lower ids; undefined for the first page. */
  beforeId?: string;
  /** ms: only events that state this time or a later one. */
  statedFrom: number;
  limit: number;
}

/** Events with the highest ids, which begin with the time that their sender stated. @param now ms */
export function newestKeys(
  apps: readonly AskedApp[],
  period: Period,
  filters: AskedFilters,
  { beforeId, statedFrom, limit }: NewestPage,
  now: number,
): KeyQuestion {
  const values = new SqlValues();
  let rows = askedRows(values, apps, period, now) + filterConditions(values, filters);
  rows += ` AND id >= ${values.uint128(lowestId(statedFrom).toString('hex'))}`;
  if (beforeId !== undefined) rows += ` AND id < ${values.uint128(beforeId)}`;
  const sql = `SELECT ${KEY} FROM events WHERE ${rows} ORDER BY id DESC, app_id LIMIT ${values.add('UInt32', limit)}`;
  return { sql, params: values.params, appIds: idsOf(apps) };
}

/** Events that occurred last since a moment (ms), by when they occurred: a clock that runs years ahead does not come first. */
export function latestKeys(apps: readonly AskedApp[], since: number, limit: number): KeyQuestion {
  const values = new SqlValues();
  const rows = askedRows(values, apps, { from: since }, Date.now());
  const sql = `SELECT ${KEY} FROM events WHERE ${rows} ORDER BY occurred_at DESC, id DESC LIMIT ${values.add('UInt32', limit)}`;
  return { sql, params: values.params, appIds: idsOf(apps) };
}

/** A person's events, the last one first. @param userKey 32 hex digits @param after of the page before @param now ms */
export function timelineKeys(
  apps: readonly AskedApp[],
  userKey: string,
  period: Period,
  after: EventPlace | undefined,
  limit: number,
  now: number,
): KeyQuestion {
  const values = new SqlValues();
  let rows = `${askedRows(values, apps, period, now)} AND user_key = ${values.uint128(userKey)}`;
  if (after) {
    const at = values.time(after.occurredAt);
    rows += ` AND (occurred_at < ${at} OR (occurred_at = ${at} AND id < ${values.uint128(after.id)}))`;
  }
  const sql = `SELECT ${KEY} FROM events WHERE ${rows} ORDER BY occurred_at DESC, id DESC LIMIT ${values.add('UInt32', limit)}`;
  return { sql, params: values.params, appIds: idsOf(apps) };
}

/** Where an export goes on: behind this event of this UTC day. */
export interface ExportCursor {
  /** Since 1970. */
  day: number;
  /** 32 hex digits. */
  id: string;
}

export interface ExportRow {
  day: number;
  hexId: string;
}

/**
 * Events of an app, by UTC days and within a day by ids: ClickHouse reads days in this order, and so no more than it needs of
 * the first ones. @param now ms
 */
export function exportKeys(
  app: AskedApp,
  period: Period,
  filters: AskedFilters,
  after: ExportCursor | undefined,
  limit: number,
  now: number,
): KeyQuestion {
  const values = new SqlValues();
  let rows = askedRows(values, [app], after ? laterOf(period, after.day * DAY_MS) : period, now);
  rows += filterConditions(values, filters);
  if (after) {
    const nextDay = values.time((after.day + 1) * DAY_MS);
    rows += ` AND (occurred_at >= ${nextDay} OR id > ${values.uint128(after.id)})`;
  }
  const sql = `SELECT toUInt16(toDate(occurred_at)) AS day, leftPad(lower(hex(id)), 32, '0') AS hexId FROM events
WHERE ${rows} ORDER BY app_id, toDate(occurred_at), id LIMIT ${values.add('UInt32', limit)}`;
  return { sql, params: values.params, appIds: [app.id] };
}

function laterOf(period: Period, from: number): Period {
  return { ...period, from: Math.max(period.from, from) };
}
