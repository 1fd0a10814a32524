import { type Check, idText } from './check.js';

interface Person {
  total_events: string;
  first_seen: Date;
  last_seen: Date;
  last_id: Buffer;
  device: string;
  browser: string | null;
  os: string | null;
  ip: string | null;
}
const COLUMNS = ['total_events', 'first_seen', 'last_seen', 'last_id', 'device', 'browser', 'os', 'ip'] as const;

type DifferingRow = { user_key: Buffer } & { [column in `${'counted' | 'stored'}_${keyof Person}`]: unknown };

/** Missing and differing people. Totals come from the index events_user, the rest from each one's newest event. */
export const PEOPLE_CHECK: Check<DifferingRow> = {
  table: 'user_analytics',
  sql: `SELECT person.user_key, ${COLUMNS.map(pair).join(', ')} FROM (
    SELECT seen.user_key, seen.total_events, seen.first_seen, seen.last_seen, MAX(events.id) AS last_id FROM (
      SELECT user_key, COUNT(*) AS total_events, MIN(occurred_at) AS first_seen, MAX(occurred_at) AS last_seen
        FROM events WHERE app_id = ? GROUP BY user_key
    ) seen JOIN events
      ON events.app_id = ? AND events.user_key = seen.user_key AND events.occurred_at = seen.last_seen
    GROUP BY seen.user_key, seen.total_events, seen.first_seen, seen.last_seen
  ) person
  JOIN events newest ON newest.app_id = ? AND newest.id = person.last_id
  LEFT JOIN user_analytics kept ON kept.app_id = ? AND kept.user_key = person.user_key
  WHERE (kept.first_seen IS NULL OR kept.first_seen >= ?)
    AND NOT (${COLUMNS.map((column) => `${counted(column)} <=> kept.${column}`).join(' AND ')})`,
  parameters: ({ app, firstSeen }) => [app, app, app, app, firstSeen],
  describe: (row) => {
    const key = `user ${row.user_key.toString('hex')}`;
    if (row.stored_total_events === null) return `${key}: missing, recounted ${text(row.counted_total_events)} events`;
    const different = COLUMNS.map((column) => ({
      column,
      counted: text(row[`counted_${column}`]),
      stored: text(row[`stored_${column}`]),
    })).filter((cell) => cell.counted !== cell.stored);
    return `${key}: ${different.map((cell) => `${cell.column} recounted ${cell.counted}, stored ${cell.stored}`).join('; ')}`;
  },
};

interface UserRow {
  user_key: Buffer;
  user_kind: string;
  total_events: string;
}

/** People of whom there is no event. */
export const SURPLUS_PEOPLE_CHECK: Check<UserRow> = {
  table: 'user_analytics',
  sql: `SELECT kept.user_key, kept.user_kind, kept.total_events FROM user_analytics kept
    LEFT JOIN (SELECT DISTINCT user_key FROM events WHERE app_id = ?) seen ON seen.user_key = kept.user_key
    WHERE kept.app_id = ? AND seen.user_key IS NULL AND kept.first_seen >= ?`,
  parameters: ({ app, firstSeen }) => [app, app, firstSeen],
  describe: (row) => `user ${row.user_key.toString('hex')}: recounted 0 events, stored ${row.total_events}`,
};

/** A person's key is made of kind and value (events/distinct-user.ts): so these two are checked without events. */
export const PEOPLE_KEYS_CHECK: Check<UserRow> = {
  table: 'user_analytics',
  sql: `SELECT user_key, user_kind, total_events FROM user_analytics WHERE app_id = ?
    AND user_key <> UNHEX(LEFT(SHA2(CONCAT(user_kind, X'00', user_value), 256), 32))`,
  parameters: ({ app }) => [app],
  describe: (row) =>
    `user ${row.user_key.toString('hex')}: the key is not that of its kind (${row.user_kind}) and value`,
};

function counted(column: keyof Person): string {
  return ['total_events', 'first_seen', 'last_seen', 'last_id'].includes(column)
    ? `person.${column}`
    : `newest.${column}`;
}

function pair(column: keyof Person): string {
  return `${counted(column)} AS counted_${column}, kept.${column} AS stored_${column}`;
}

function text(value: unknown): string {
  if (Buffer.isBuffer(value)) return idText(value);
  return value instanceof Date ? value.toISOString() : String(value);
}
