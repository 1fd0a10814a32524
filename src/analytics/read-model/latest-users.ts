import { SqlValues } from '../../read-model/sql-values.js';
import type { LimitedQuestion } from '../../questions/read-model-questions.js';
import { formatUuid, storedIdTime } from '../../events/event-id.js';
import { DAY_MS } from '../../events/limits.js';
import { type AskedApp, idsOf } from '../analytics-scope.js';
import { askedRows, type Period } from './asked-rows.js';

/** As ClickHouse answers it. */
export interface LatestUserRow {
  /** 32 hex digits. */
  hexKey: string;
  /** When their last event occurred, ms. */
  seenMs: number;
}

/** Digits of a user's key in a cursor: those that have room beside the time, the version and the variant. */
const KEY_DIGITS = 18;
const KEY_BITS_LEFT_OUT = 128 - 4 * KEY_DIGITS;

/**
 * The place of a user in the list, as a UUIDv8 (RFC 9562): when they were seen last, and the first digits of their key, which
 * decide among users of one millisecond. It stays where it is when the user comes back.
 */
export function userCursor({ hexKey, seenMs }: LatestUserRow): string {
  const time = seenMs.toString(16).padStart(12, '0');
  return formatUuid(`${time}8${hexKey.slice(0, 3)}8${hexKey.slice(3, KEY_DIGITS)}`);
}

function keyDigits(cursor: string): string {
  return cursor.slice(13, 16) + cursor.slice(17);
}

/** ms @param cursor 32 hex digits */
export function cursorTime(cursor: string): number {
  return storedIdTime(cursor);
}

/**
 * Users by when they were seen last, the last first.
 * @param period in which they were seen; its end must be open, or somebody who was seen after it would count as seen before
 * @param cursor 32 hex digits of the {@link userCursor} of the page before @param now ms
 */
export function latestUsers(
  apps: readonly AskedApp[],
  period: Period,
  cursor: string | undefined,
  limit: number,
  now: number,
): Omit<LimitedQuestion, 'timeLimitMs'> {
  const values = new SqlValues();
  const rows = askedRows(values, apps, period, now);
  let having = '';
  if (cursor !== undefined) {
    const at = values.time(Math.min(cursorTime(cursor), now + DAY_MS));
    const key = values.uint128(keyDigits(cursor).padStart(32, '0'));
    having = ` HAVING seen < ${at} OR (seen = ${at} AND bitShiftRight(user_key, ${KEY_BITS_LEFT_OUT}) < ${key})`;
  }
  const users = `SELECT user_key, max(occurred_at) AS seen FROM events WHERE ${rows} GROUP BY user_key${having}`;
  const sql = `SELECT leftPad(lower(hex(user_key)), 32, '0') AS hexKey, toUnixTimestamp64Milli(seen) AS seenMs
FROM (${users}) ORDER BY seen DESC, user_key DESC LIMIT ${values.add('UInt32', limit)}`;
  return { sql, thrifty: [sql], params: values.params, appIds: idsOf(apps) };
}
