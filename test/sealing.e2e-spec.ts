import { createDataSource } from '../src/database/data-source.js';
import { encodeEnvelope } from '../src/events/envelope.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent } from './support/events.js';
import { call, registerApp, signIn, type Signed } from './support/client.js';
import { countNaively, storedCounts } from './support/naive-counts.js';
import { type Stack, startStack } from './support/stack.js';

const DAY = 86_400_000;
const FIRST = Date.UTC(2026, 9, 30);

describe('sealing of distinct users', () => {
  let stack: Stack;
  let ann: Signed;
  let apps: string[];
  let sent: AcceptedEvent[] = [];
  beforeAll(async () => {
    stack = await startStack({ workers: 2, env: { CHUNK_MAX_EVENTS: '70' } });
    ann = await signIn(stack.url);
    apps = [(await registerApp(stack.url, ann)).id, (await registerApp(stack.url, ann)).id];
  });
  afterAll(() => stack?.stop());

  /** 1,000 more events of both apps over five days; the same people in both. */
  const post = async (): Promise<void> => {
    const events = Array.from({ length: 1000 }, (_none, at) => {
      const i = sent.length + at;
      return acceptedEvent({
        appId: apps[i % 2]!.replaceAll('-', ''),
        eventId: `sealed-${i}`,
        event: ['view', 'buy'][i % 3 === 0 ? 1 : 0]!,
        occurredAt: FIRST + ((i * 7919) % 480) * 900_000 + i,
        userValue: `user ${(i * 31) % 170}`,
      });
    });
    sent = [...sent, ...events];
    await stack.store(events);
  };

  const asked = async (query: string): Promise<{ count: number; uniqueUsers: number }> => {
    const { body } = await call(`${stack.url}/api/analytics/event-summary?timezone=UTC&${query}`, {
      token: ann.accessToken,
    });
    return { count: body.count, uniqueUsers: body.uniqueUsers };
  };
  const expected = (from: number, to: number, matches: (event: AcceptedEvent) => boolean = () => true) => {
    const events = sent.filter((event) => event.occurredAt >= from && event.occurredAt < to && matches(event));
    return { count: events.length, uniqueUsers: new Set(events.map((event) => event.userValue)).size };
  };

  const agree = async (): Promise<void> => {
    const days = 'startDate=2026-10-31&endDate=2026-11-02';
    expect(await asked(days)).toEqual(expected(FIRST + DAY, FIRST + 4 * DAY));
    const buys = (event: AcceptedEvent) => event.event === 'buy' && event.appId === apps[0]!.replaceAll('-', '');
    expect(await asked(`${days}&event=buy&app_id=${apps[0]}`)).toEqual(expected(FIRST + DAY, FIRST + 4 * DAY, buys));
    const hours = 'startDate=2026-10-30T23:15:00Z&endDate=2026-11-01T00:30:00Z';
    expect(await asked(hours)).toEqual(expected(FIRST + 23.25 * 3_600_000, FIRST + 2 * DAY + 1_800_000));
    const short = 'startDate=2026-10-30T03:15:00Z&endDate=2026-10-30T03:45:00Z';
    expect(await asked(short)).toEqual(expected(FIRST + 3.25 * 3_600_000, FIRST + 3.75 * 3_600_000));
    expect(await asked('')).toEqual(expected(0, Infinity));
  };

  test('changes no answer and no count, and late events are counted too', async () => {
    for (let round = 0; round < 3; round += 1) {
      await post();
      await agree();
      await stack.sealed();
      await agree();
      // By now from the cache.
      await agree();
      expect(await storedCounts(stack)).toEqual(countNaively(sent));
    }
    const cells = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM event_users');
    expect(Number(cells[0]!.n)).toBe(2 * 3 * 5);
  });

  test('gives a person one number in all apps of an owner', async () => {
    const numbers = await stack.query<{ n: string; users: string; highest: string }>(
      'SELECT COUNT(*) AS n, COUNT(DISTINCT user_key) AS users, MAX(number) AS highest FROM user_numbers',
    );
    expect(numbers.map((row) => [Number(row.n), Number(row.users), Number(row.highest)])).toEqual([[170, 170, 169]]);
  });

  test('the migration goes back to a row a user and day, and forth again, without losing one', async () => {
    await Promise.all(stack.workers.map((worker) => worker.stop()));
    // Some sealed, some not.
    const late = acceptedEvent({ appId: apps[0]!.replaceAll('-', ''), occurredAt: FIRST, userValue: 'late' });
    await stack.push(0, encodeEnvelope(late));
    const worker = await stack.startWorker({ SEAL_AFTER_MS: '3600000' });
    await stack.drained();
    await worker.stop();
    const expected = countNaively([...sent, late]);
    expect(await storedCounts(stack)).toEqual(expected);
    const db = await createDataSource(stack.env.database, { poolSize: 1 }).initialize();
    try {
      // Down to the one that made the bitmaps, and past those that came after it.
      const isThere = async () => (await db.query('SHOW COLUMNS FROM event_users LIKE ?', ['users'])).length > 0;
      while (await isThere()) await db.undoLastMigration();
      const rows: { n: string }[] = await db.query('SELECT COUNT(*) AS n FROM event_users');
      const daysOfUsers = new Set(expected.users.map((line) => line.split(' ').slice(0, -1).join(' ')));
      expect(Number(rows[0]!.n)).toBe(daysOfUsers.size);
      await db.runMigrations();
    } finally {
      await db.destroy();
    }
    expect(await storedCounts(stack)).toEqual(expected);
  });
});
