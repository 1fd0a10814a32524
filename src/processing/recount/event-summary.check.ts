import { QUARTERS_A_DAY } from '../../events/limits.js';
import { type Check, dayText, eventText, QUARTER, quarterText } from './check.js';

interface Row {
  event: Buffer;
  quarter: string;
  device: string;
  counted: string;
  kept: string;
}

export const EVENT_SUMMARY_CHECK: Check<Row> = {
  table: 'event_summary',
  sql: `SELECT SQL_BIG_RESULT event, quarter, device, SUM(counted) AS counted, SUM(kept) AS kept FROM (
    SELECT SQL_BIG_RESULT event, ${QUARTER} AS quarter, device, COUNT(*) AS counted, 0 AS kept
      FROM events WHERE app_id = ? AND occurred_at >= ? GROUP BY event, quarter, device
    UNION ALL
    SELECT SQL_BIG_RESULT X'' AS event, ${QUARTER} AS quarter, device, COUNT(*) AS counted, 0 AS kept
      FROM events WHERE app_id = ? AND occurred_at >= ? GROUP BY quarter, device
    UNION ALL
    SELECT event, quarter, device, 0 AS counted, n AS kept FROM event_summary WHERE app_id = ? AND quarter >= ?
  ) cells GROUP BY event, quarter, device HAVING SUM(counted) <> SUM(kept)`,
  parameters: ({ app, quarter, quarterTime }) => [app, quarterTime, app, quarterTime, app, quarter],
  describe: ({ event, quarter, device, counted, kept }) =>
    `${eventText(event)}, ${quarterText(quarter)}, ${device}: recounted ${counted}, stored ${kept}`,
};

interface DayRow {
  event: Buffer;
  day: string;
  device: string;
  counted: string;
  kept: string;
}

/** The days must tell what their quarter-hours tell, and these are compared with the events. */
export const EVENT_SUMMARY_DAYS_CHECK: Check<DayRow> = {
  table: 'event_summary_days',
  sql: `SELECT SQL_BIG_RESULT event, day, device, SUM(counted) AS counted, SUM(kept) AS kept FROM (
    SELECT SQL_BIG_RESULT event, quarter DIV ${QUARTERS_A_DAY} AS day, device, SUM(n) AS counted, 0 AS kept
      FROM event_summary WHERE app_id = ? AND quarter >= ? GROUP BY event, quarter DIV ${QUARTERS_A_DAY}, device
    UNION ALL
    SELECT event, day, device, 0 AS counted, n AS kept FROM event_summary_days WHERE app_id = ? AND day >= ?
  ) cells GROUP BY event, day, device HAVING SUM(counted) <> SUM(kept)`,
  parameters: ({ app, day }) => [app, day * QUARTERS_A_DAY, app, day],
  describe: ({ event, day, device, counted, kept }) =>
    `${eventText(event)}, ${dayText(day)}, ${device}: recounted ${counted}, stored ${kept}`,
};
