import type { QueryRunner } from 'typeorm';
import { readSightings, sightedNumber, sightedQuarter, unpackSightings } from '../../database/seen-users.js';
import { DAY_MS, QUARTERS_A_DAY, QUARTER_MS } from '../../events/limits.js';
import { sqlTime } from '../repositories/bulk.js';
import { dayText, eventText, QUARTER, type Scope } from './check.js';
import { SightingsSum } from './sightings-sum.js';

/**
 * A sum of each cell's sightings, made by the database: how many there are, and two checksums over them that do not depend
 * on their order. So one row a cell leaves the database, not one a user.
 */
const COUNTED = `SELECT SQL_BIG_RESULT event, quarter DIV ${QUARTERS_A_DAY} AS day, COUNT(*) AS n,
  SUM(CRC32(CONCAT(user_key, CHAR(quarter % ${QUARTERS_A_DAY})))) AS low,
  SUM(CRC32(CONCAT(CHAR(quarter % ${QUARTERS_A_DAY}), user_key))) AS high
FROM (
  SELECT SQL_BIG_RESULT event, ${QUARTER} AS quarter, user_key FROM events
    WHERE app_id = ? AND occurred_at >= ? GROUP BY event, quarter, user_key
  UNION ALL
  SELECT SQL_BIG_RESULT X'' AS event, ${QUARTER} AS quarter, user_key FROM events
    WHERE app_id = ? AND occurred_at >= ? GROUP BY quarter, user_key
) sightings GROUP BY event, day`;
const NUMBERS = `SELECT n.number, n.user_key AS userKey FROM user_numbers n
JOIN apps ON apps.owner_id = n.owner_id WHERE apps.id = ?`;
const BATCHES = 'SELECT event, day, seen FROM event_user_batches WHERE app_id = ? AND day >= ? ORDER BY event, day';
const SEALED = 'SELECT event, day, users, quarters FROM event_users WHERE app_id = ? AND day >= ? ORDER BY event, day';
/** Only asked of cells that differ. */
const CELL = `SELECT LOWER(HEX(user_key)) AS userKey, ${QUARTER} % ${QUARTERS_A_DAY} AS quarter FROM events
WHERE app_id = ? AND occurred_at >= ? AND occurred_at < ? AND (? = X'' OR event = ?) GROUP BY user_key, quarter`;

interface CellRow {
  event: Buffer;
  day: number | string;
}

/** What is stored of one cell: quarter-hours by user key. */
type Stored = Map<string, Set<number>>;

/** Compares the distinct users that are stored, sealed or not, with a recount from `events`, both ways. */
export async function recountEventUsers(
  runner: QueryRunner,
  scope: Scope,
  found: (line: string) => void,
): Promise<void> {
  const { app, day, dayTime } = scope;
  const counted = new Map<string, { cell: CellRow; sum: SightingsSum }>();
  const rows: (CellRow & { n: string; low: string; high: string })[] = await runner.query(COUNTED, [
    ...[app, dayTime],
    ...[app, dayTime],
  ]);
  for (const { event, day: ofDay, ...sums } of rows) {
    const cell = { event, day: ofDay };
    counted.set(text(cell), { cell, sum: SightingsSum.of(sums) });
  }
  const batches = new Map<string, CellRow & { seen: [string, number][] }>();
  for await (const row of await runner.stream(BATCHES, [app, day])) {
    const { seen, ...cell } = row as unknown as CellRow & { seen: Buffer };
    const known = batches.get(text(cell));
    if (known) known.seen.push(...unpackSightings(seen));
    else batches.set(text(cell), { ...cell, seen: unpackSightings(seen) });
  }
  const keyOf = await userKeys(runner, app);
  const differing: { cell: CellRow; stored: Stored }[] = [];
  const compare = (cell: CellRow, stored: Stored): void => {
    const expected = counted.get(text(cell));
    counted.delete(text(cell));
    if (!expected?.sum.equals(SightingsSum.over(stored))) differing.push({ cell, stored });
  };
  for await (const row of await runner.stream(SEALED, [app, day])) {
    const { event, day: ofDay, users, quarters } = row as unknown as CellRow & { users: Buffer; quarters: Buffer };
    const stored: Stored = new Map();
    for (const one of readSightings({ users, quarters })) see(stored, keyOf(sightedNumber(one)), sightedQuarter(one));
    const cell = { event, day: ofDay };
    for (const [key, quarter] of batches.get(text(cell))?.seen ?? []) see(stored, key, quarter);
    batches.delete(text(cell));
    compare(cell, stored);
  }
  for (const { seen, ...cell } of batches.values()) {
    const stored: Stored = new Map();
    for (const [key, quarter] of seen) see(stored, key, quarter);
    compare(cell, stored);
  }
  for (const { cell } of counted.values()) differing.push({ cell, stored: new Map() });
  for (const { cell, stored } of differing) await tellDifference(runner, app, cell, stored, found);
}

/** The user keys of an owner by number: 16 bytes each in one piece of memory. */
async function userKeys(runner: QueryRunner, app: Buffer): Promise<(number: number) => string> {
  let keys = Buffer.alloc(16 * 1024);
  for await (const row of await runner.stream(NUMBERS, [app])) {
    const { number, userKey } = row as unknown as { number: number | string; userKey: Buffer };
    const at = Number(number) * 16;
    if (at + 16 > keys.length) keys = Buffer.concat([keys, Buffer.alloc(Math.max(keys.length, at + 16 - keys.length))]);
    userKey.copy(keys, at);
  }
  return (number) => keys.toString('hex', number * 16, number * 16 + 16);
}

async function tellDifference(
  runner: QueryRunner,
  app: Buffer,
  { event, day }: CellRow,
  stored: Stored,
  found: (line: string) => void,
): Promise<void> {
  const from = Number(day) * DAY_MS;
  const rows: { userKey: string; quarter: number | string }[] = await runner.query(CELL, [
    ...[app, sqlTime(from), sqlTime(from + DAY_MS)],
    ...[event, event],
  ]);
  const counted: Stored = new Map();
  for (const { userKey, quarter } of rows) see(counted, userKey, Number(quarter));
  for (const user of [...new Set([...counted.keys(), ...stored.keys()])].sort()) {
    const [expected, kept] = [quarters(counted.get(user)), quarters(stored.get(user))];
    if (expected === kept) continue;
    found(`${eventText(event)}, ${dayText(day)}, user ${user}: recounted ${expected}, stored ${kept}`);
  }
}

function see(stored: Stored, userKey: string, quarter: number): void {
  const known = stored.get(userKey);
  if (known) known.add(quarter);
  else stored.set(userKey, new Set([quarter]));
}

function text({ event, day }: CellRow): string {
  return `${event.toString('hex')} ${day}`;
}

/** The quarter-hours as times of the day. */
function quarters(seen: ReadonlySet<number> | undefined): string {
  if (!seen) return 'nothing';
  const times = [...seen].sort((a, b) => a - b);
  return times.map((quarter) => new Date(quarter * QUARTER_MS).toISOString().slice(11, 16)).join(' ');
}
