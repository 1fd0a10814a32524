import { MINUTE_MS } from '../../events/limits.js';
import { SqlValues } from '../../read-model/sql-values.js';
import type { ReadModelQuestion } from '../../read-model/questions/read-model-reader.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import { askedRows } from './asked-rows.js';

interface MinuteRow {
  /** Since 1970. */
  minute: number;
  n: number;
}

export interface MinuteCount {
  /** RFC 3339, UTC: when it began. */
  minute: string;
  count: number;
}

/** How many events occurred in each minute. */
export interface MinuteCountsQuestion extends Omit<ReadModelQuestion, 'timeLimitMs'> {
  /** @returns every minute from `since` to `until`, oldest first */
  read: (rows: readonly MinuteRow[]) => MinuteCount[];
}

/** @param since ms, a whole minute @param until ms */
export function minuteCountsQuestion(apps: readonly AskedApp[], since: number, until: number): MinuteCountsQuestion {
  const values = new SqlValues();
  const rows = askedRows(values, apps, { from: since }, until);
  const sql = `SELECT intDiv(toUnixTimestamp64Milli(occurred_at), ${MINUTE_MS}) AS minute, count() AS n
FROM events WHERE ${rows} GROUP BY minute`;
  return {
    ...{ sql, params: values.params, appIds: idsOf(apps) },
    read: (found) => {
      const counts = new Map(found.map(({ minute, n }) => [minute, n]));
      const minutes = Math.floor((until - since) / MINUTE_MS) + 1;
      return Array.from({ length: minutes }, (_none, i) => {
        const minute = since / MINUTE_MS + i;
        return { minute: new Date(minute * MINUTE_MS).toISOString(), count: counts.get(minute) ?? 0 };
      });
    },
  };
}
