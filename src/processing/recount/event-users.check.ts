import { QUARTER_MS } from '../../events/limits.js';
import { type Check, dayText, eventText, QUARTER, SEEN_BITS } from './check.js';

interface Row {
  event: Buffer;
  day: string;
  user_key: Buffer;
  counted0: string;
  counted1: string;
  stored0: string;
  stored1: string;
}

const SEEN = `${QUARTER} DIV 96 AS day, user_key, ${SEEN_BITS('counted0', 'counted1')},
  0 AS stored0, 0 AS stored1`;

export const EVENT_USERS_CHECK: Check<Row> = {
  table: 'event_users',
  sql: `SELECT SQL_BIG_RESULT event, day, user_key, BIT_OR(counted0) AS counted0, BIT_OR(counted1) AS counted1,
      BIT_OR(stored0) AS stored0, BIT_OR(stored1) AS stored1 FROM (
    SELECT SQL_BIG_RESULT event, ${SEEN} FROM events WHERE app_id = ? AND occurred_at >= ? GROUP BY event, day, user_key
    UNION ALL
    SELECT SQL_BIG_RESULT X'' AS event, ${SEEN} FROM events WHERE app_id = ? AND occurred_at >= ? GROUP BY day, user_key
    UNION ALL
    SELECT event, day, user_key, 0 AS counted0, 0 AS counted1, seen0 AS stored0, seen1 AS stored1
      FROM event_users WHERE app_id = ? AND day >= ?
  ) cells GROUP BY event, day, user_key
  HAVING BIT_OR(counted0) <> BIT_OR(stored0) OR BIT_OR(counted1) <> BIT_OR(stored1)`,
  parameters: ({ app, day, dayTime }) => [app, dayTime, app, dayTime, app, day],
  describe: (row) =>
    `${eventText(row.event)}, ${dayText(row.day)}, user ${row.user_key.toString('hex')}: ` +
    `recounted ${quarters(row.counted0, row.counted1)}, stored ${quarters(row.stored0, row.stored1)}`,
};

/** The quarter-hours as times of the day. */
function quarters(seen0: string, seen1: string): string {
  const both = BigInt(seen0) | (BigInt(seen1) << 48n);
  const times = Array.from({ length: 96 }, (_none, quarter) => quarter)
    .filter((quarter) => (both >> BigInt(quarter)) & 1n)
    .map((quarter) => new Date(quarter * QUARTER_MS).toISOString().slice(11, 16));
  return times.length > 0 ? times.join(' ') : 'nothing';
}
