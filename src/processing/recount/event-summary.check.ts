import { type Check, eventText, QUARTER, quarterText } from './check.js';

interface Row {
  event: Buffer;
  quarter: string;
  device: string;
  counted: string;
  stored: string;
}

export const EVENT_SUMMARY_CHECK: Check<Row> = {
  table: 'event_summary',
  sql: `SELECT SQL_BIG_RESULT event, quarter, device, SUM(counted) AS counted, SUM(stored) AS stored FROM (
    SELECT SQL_BIG_RESULT event, ${QUARTER} AS quarter, device, COUNT(*) AS counted, 0 AS stored
      FROM events WHERE app_id = ? GROUP BY event, quarter, device
    UNION ALL
    SELECT SQL_BIG_RESULT X'' AS event, ${QUARTER} AS quarter, device, COUNT(*) AS counted, 0 AS stored
      FROM events WHERE app_id = ? GROUP BY quarter, device
    UNION ALL
    SELECT event, quarter, device, 0 AS counted, n AS stored FROM event_summary WHERE app_id = ?
  ) cells GROUP BY event, quarter, device HAVING SUM(counted) <> SUM(stored)`,
  describe: ({ event, quarter, device, counted, stored }) =>
    `${eventText(event)}, ${quarterText(quarter)}, ${device}: recounted ${counted}, stored ${stored}`,
};
