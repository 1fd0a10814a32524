import type { Device } from '../../events/event.js';
import { SqlValues } from '../../read-model/sql-values.js';
import type { ReadModelQuestion } from '../../read-model/questions/read-model-reader.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import { askedRows, type Period } from './asked-rows.js';

/** Most clients listed for a person. */
const CLIENTS_AT_MOST = 20;

interface ClientRow {
  device: Device;
  browser: string;
  os: string;
  n: number;
  seenMs: number;
}

/** A device, browser and system that a person's events came from. */
export interface Client {
  device: Device;
  browser: string | null;
  os: string | null;
  count: number;
  lastSeen: Date;
}

/** Asks what a person's events came from, the last seen first. @param userKey 32 hex digits @param now ms */
export function clientsQuestion(
  apps: readonly AskedApp[],
  userKey: string,
  period: Period,
  now: number,
): Omit<ReadModelQuestion, 'timeLimitMs'> {
  const values = new SqlValues();
  const rows = `${askedRows(values, apps, period, now)} AND user_key = ${values.uint128(userKey)}`;
  const sql = `SELECT device, browser, os, count() AS n, toUnixTimestamp64Milli(max(occurred_at)) AS seenMs
FROM events WHERE ${rows} GROUP BY device, browser, os
ORDER BY seenMs DESC, n DESC, device, browser, os LIMIT ${CLIENTS_AT_MOST}`;
  return { sql, params: values.params, appIds: idsOf(apps) };
}

export function readClients(rows: readonly ClientRow[]): Client[] {
  return rows.map(({ device, browser, os, n, seenMs }) => ({
    ...{ device, browser: browser || null, os: os || null },
    ...{ count: n, lastSeen: new Date(seenMs) },
  }));
}
