import { createHash } from 'node:crypto';
import { UniqueUsers } from '../src/analytics/queries/unique-users.js';
import { SealedUsersCache } from '../src/analytics/sealed-users.cache.js';
import type { TimeRange } from '../src/analytics/time-range.js';
import { packSightings, sighting, writeSightings } from '../src/database/seen-users.js';
import { type Stack, startStack } from './support/stack.js';

const OWNER = '09'.repeat(16);
const APPS = ['0a'.repeat(16), '0b'.repeat(16), '0c'.repeat(16)];
const FIRST_DAY = 20_000;
const DAYS = 90;

const userKey = (user: number): string => createHash('md5').update(`user ${user}`).digest('hex');
const batchId = (n: number): Buffer => Buffer.from(n.toString(16).padStart(32, '0'), 'hex');
/** Quarter-hours since 1970 UTC. */
const range = (startQuarter: number, endQuarter: number) => ({ startQuarter, endQuarter }) as TimeRange;

describe('distinct users that are not sealed yet', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 0 });
    await stack.ownApps(...APPS);
  });
  afterAll(() => stack?.stop());

  const insertBatches = async (rows: unknown[][]): Promise<void> => {
    const into = 'INSERT INTO event_user_batches (app_id, event, day, batch_id, seen) VALUES ?';
    for (let at = 0; at < rows.length; at += 5000) await stack.query(into, [rows.slice(at, at + 5000)]);
  };
  const count = (event: string, ranges: TimeRange[]): Promise<number[]> =>
    stack.db.transaction('REPEATABLE READ', (manager) =>
      new UniqueUsers(new SealedUsersCache()).countEach(
        manager,
        APPS.map((id) => ({ id, ownerId: OWNER }) as never),
        event,
        ranges,
      ),
    );

  test('are counted exactly over pages, apps, days and ranges that overlap, beside sealed ones', async () => {
    const sightings: { app: number; user: number; at: number; isSealed: boolean }[] = [];
    for (let i = 0; i < 4000; i += 1) {
      // The first app fills several pages, the second ends within one, the third has little; some days hold much.
      const app = i % 40 === 0 ? 2 : i % 3 === 0 ? 1 : 0;
      const day = FIRST_DAY + (i % 5 === 0 ? 7 : (i * 31) % DAYS);
      sightings.push({ app, user: (i * 7919) % 900, at: day * 96 + ((i * 13) % 96), isSealed: i % 11 === 0 });
    }
    const numbered = [...new Set(sightings.filter(({ isSealed }) => isSealed).map(({ user }) => user))];
    const rows = numbered.map((user, number) => [Buffer.from(OWNER, 'hex'), Buffer.from(userKey(user), 'hex'), number]);
    await stack.query('INSERT INTO user_numbers (owner_id, user_key, number) VALUES ?', [rows]);
    const numberOf = new Map(numbered.map((user, number) => [user, number]));
    const cells = new Map<string, Set<number>>();
    const batches: unknown[][] = [];
    for (const [i, { app, user, at, isSealed }] of sightings.entries()) {
      const [day, quarter] = [Math.floor(at / 96), at % 96];
      if (!isSealed) {
        const seen = packSightings([[userKey(user), quarter]]);
        batches.push([Buffer.from(APPS[app]!, 'hex'), 'view', day, batchId(i), seen]);
        continue;
      }
      const cell = cells.get(`${app} ${day}`) ?? new Set();
      cells.set(`${app} ${day}`, cell.add(sighting(numberOf.get(user)!, quarter)));
    }
    await insertBatches(batches);
    for (const [cell, seen] of cells) {
      const [app, day] = cell.split(' ').map(Number) as [number, number];
      const { users, quarters } = writeSightings(Float64Array.from(seen).sort());
      const into = 'INSERT INTO event_users (app_id, event, day, version, users, quarters) VALUES (?, ?, ?, 1, ?, ?)';
      await stack.query(into, [Buffer.from(APPS[app]!, 'hex'), 'view', day, users, quarters]);
    }
    const ranges = [range(0, 40_000 * 96), range(0, 0), range(FIRST_DAY * 96 + 5, FIRST_DAY * 96 + 6)];
    for (let i = 0; i < 40; i += 1) {
      const start = FIRST_DAY * 96 + ((i * 997) % (DAYS * 96));
      ranges.push(
        range(start, start + ((i * 353) % (20 * 96))),
        range(start - (start % 96), start - (start % 96) + 960),
      );
    }
    const naive = ranges.map(
      ({ startQuarter, endQuarter }) =>
        new Set(sightings.filter(({ at }) => at >= startQuarter && at < endQuarter).map(({ user }) => user)).size,
    );
    expect(await count('view', ranges)).toEqual(naive);
    expect(await count('nothing', ranges)).toEqual(ranges.map(() => 0));
  });

  test('hold other requests up for no longer than a step, however many they are', async () => {
    const users = 100_000;
    const seen = (user: number) => packSightings([[userKey(user), user % 96]]);
    const app = Buffer.from(APPS[0]!, 'hex');
    const rows = Array.from({ length: users }, (_none, i) => [app, 'flood', 4000 + (i % 16_000), batchId(i), seen(i)]);
    await insertBatches(rows);
    const longestTurnMs = turns();
    const counts = await count('flood', [range(0, 40_000 * 96), range(4000 * 96, 5000 * 96)]);
    expect(longestTurnMs()).toBeLessThan(80);
    expect(counts[0]).toBe(users);
  });

  /**
   * Watches the event loop. By processor time, since a busy machine lets a process wait between any two of its turns.
   * @returns ends that, and tells the longest turn
   */
  function turns(): () => number {
    let longest = 0;
    let before = process.cpuUsage();
    let isWatching = true;
    const turn = (): void => {
      const { user, system } = process.cpuUsage(before);
      longest = Math.max(longest, (user + system) / 1000);
      before = process.cpuUsage();
      if (isWatching) setImmediate(turn);
    };
    setImmediate(turn);
    return () => {
      isWatching = false;
      return longest;
    };
  }
});
