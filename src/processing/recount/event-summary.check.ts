import { type Check, eventText, QUARTER, quarterText } from './check.js';

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
