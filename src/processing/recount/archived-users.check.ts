import { QUARTERS_A_DAY } from '../../events/limits.js';
import { type Check, dayText, eventText } from './check.js';

interface Row {
  event: Buffer;
  day: string;
  users: string;
}

/** Every day with archived users must have counted events. The events are gone, so nothing else can be compared. */
export const ARCHIVED_USERS_CHECK: Check<Row> = {
  table: 'archived_users',
  sql: `SELECT archived.event, archived.day, archived.users FROM (
    SELECT event, day, COUNT(*) AS users FROM archived_users WHERE app_id = ? GROUP BY event, day
  ) archived WHERE NOT EXISTS (SELECT 1 FROM event_summary counted WHERE counted.app_id = ?
    AND counted.event = archived.event
    AND counted.quarter BETWEEN archived.day * ${QUARTERS_A_DAY} AND archived.day * ${QUARTERS_A_DAY} + ${QUARTERS_A_DAY - 1})`,
  parameters: ({ app }) => [app, app],
  describe: ({ event, day, users }) => `${eventText(event)}, ${dayText(day)}: ${users} users, and no event is counted`,
};
