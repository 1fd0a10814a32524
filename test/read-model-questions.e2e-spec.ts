import { breakdownQuestion } from '../src/analytics/read-model/breakdown.js';
import { seriesQuestion } from '../src/analytics/read-model/series.js';
import { QUARTER_MS } from '../src/events/limits.js';
import type { LimitedQuestion } from '../src/questions/read-model-questions.js';
import { DEDUPLICATION_PROBE } from '../src/read-model/copy-targets.js';
import { ReadModelReader } from '../src/read-model/questions/read-model-reader.js';
import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { clickhouseClient } from './support/engine.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

/** What is sent, and kept to be counted the slow way. */
interface Sent {
  app: number;
  event: string;
  ms: number;
  user: string;
  device: string;
}

const ZONES = ['UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Auckland'];
const NAMES = ['view', 'Grüße', 'it\'s \\ "odd" {x:String} \u{1F600}'];
const DEVICES = ['mobile', 'tablet', 'desktop', 'bot', 'other'];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIRST = Date.UTC(2026, 2, 20);
/** A frozen ClickHouse is noticed, and MySQL answers, within this time. */
const DEGRADED_WITHIN_MS = 4000;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('questions that ClickHouse answers', () => {
  let stack: Stack;
  let ann: Signed;
  let eve: Signed;
  let apps: { id: string; apiKey: string }[];
  const sent: Sent[] = [];

  beforeAll(async () => {
    stack = await startStack({ engine: 'own' });
    ann = await signIn(stack.url);
    eve = await signIn(stack.url, 'eve@example.test');
    apps = [await registerApp(stack.url, ann), await registerApp(stack.url, ann), await registerApp(stack.url, eve)];
    const pick = random(3);
    for (let i = 0; i < 1500; i += 1) {
      const app = pick(3);
      const event = NAMES[pick(3)]!;
      const ms = FIRST + pick(20 * 24 * 3600) * 1000 + pick(1000);
      sent.push({ app, event, ms, user: `u${pick(40)}`, device: DEVICES[pick(5)]! });
    }
    await post(sent);
  });
  afterAll(() => stack?.stop());

  const post = async (events: readonly Sent[]): Promise<void> => {
    for (const [index, { apiKey }] of apps.entries()) {
      const own = events
        .filter(({ app }) => app === index)
        .map(({ event, ms, user, device }, i) => ({
          ...{ event, device, userId: user, timestamp: new Date(ms).toISOString() },
          // The same ids in every account.
          eventId: `${ms}-${i}`,
        }));
      if (own.length === 0) continue;
      const { status, body } = await call(`${stack.url}/collect/batch`, { key: apiKey, body: { events: own } });
      expect([status, body.rejected]).toEqual([202, []]);
    }
    await stack.drained();
  };
  const ask = (path: string, query: Record<string, string | string[]>, { accessToken } = ann) => {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) search.append(name, one);
    return call(`${stack.url}/api/analytics/${path}?${search}`, { token: accessToken });
  };
  const answer = async (path: string, query: Record<string, string | string[]>, who = ann) => {
    const { status, body } = await ask(path, query, who);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body;
  };
  const tally = (events: readonly Sent[]) => ({
    count: events.length,
    uniqueUsers: new Set(events.map(({ user }) => user)).size,
    deviceData: Object.fromEntries(
      DEVICES.map((name) => [name, events.filter(({ device }) => device === name).length]),
    ),
  });
  const dayIn = (timezone: string) => {
    const format = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' });
    return (ms: number) => format.format(ms);
  };
  test('count, devices and unique users are those of what was sent: ranges, zones, apps and names at random', async () => {
    const pick = random(5);
    for (let i = 0; i < 60; i += 1) {
      const timezone = ZONES[pick(4)]!;
      const dayOf = dayIn(timezone);
      const [first, last] = [pick(20), pick(20)].sort((a, b) => a - b) as [number, number];
      const [startDate, endDate] = [first, last].map((day) => dayOf(FIRST + day * DAY_MS)) as [string, string];
      const event = [undefined, ...NAMES][pick(4)];
      const app = [undefined, 0, 1][pick(3)];
      const events = sent.filter(
        (one) =>
          (app === undefined ? one.app < 2 : one.app === app) &&
          (event === undefined || one.event === event) &&
          dayOf(one.ms) >= startDate &&
          dayOf(one.ms) <= endDate,
      );
      const query = {
        ...{ startDate, endDate, timezone },
        ...(event === undefined ? {} : { event }),
        ...(app === undefined ? {} : { app_id: apps[app]!.id }),
      };
      const body = await answer('event-summary', query);
      expect(body).toMatchObject(tally(events));
      expect(body).not.toHaveProperty('degraded');
    }
  });

  test("another account's events never count, though its ids and users are the same", async () => {
    const all = await answer('event-summary', {}, eve);
    expect(all).toMatchObject(tally(sent.filter(({ app }) => app === 2)));
    for (const app of [0, 1]) expect((await ask('event-summary', { app_id: apps[app]!.id }, eve)).status).toBe(404);
  });

  test.each([
    "x' OR 1=1 --",
    "view' UNION ALL SELECT 1",
    '{v0:UUID}',
    "\\' OR app_id != '",
    '\0',
    "file('/etc/passwd')",
    '\t\n\\N',
  ])('a name is a name: %j', async (event) => {
    expect((await answer('event-summary', { event })).count).toBe(0);
    expect((await answer('breakdown', { by: 'device', event, url: event, browser: event })).total).toBe(0);
  });

  test.each(["it's", 'a.b', "x', 'y", '{v0:String}', 'back`tick', "') OR 1=1 OR ('", '\u{1F600}'])(
    'a key of metadata is a key, whatever it holds: %j',
    async (key) => {
      const metadata = `${key.replaceAll(':', '\\:')}:${key}`;
      expect(await answer('breakdown', { by: `metadata.${key}` })).toMatchObject({ data: [{ value: null }] });
      expect((await answer('breakdown', { by: 'event', metadata })).total).toBe(0);
      const sentNow = { event: 'keyed', userId: 'k', metadata: { [key]: key, other: 1 } };
      await call(`${stack.url}/collect`, { key: apps[2]!.apiKey, body: sentNow });
      await stack.drained();
      const { data } = await answer('breakdown', { by: `metadata.${key}`, event: 'keyed' }, eve);
      expect(data).toContainEqual(expect.objectContaining({ value: key, count: 1, uniqueUsers: 1 }));
      expect((await answer('breakdown', { by: 'event', metadata }, eve)).data).toEqual([
        { value: 'keyed', count: 1, uniqueUsers: 1, share: 1 },
      ]);
    },
  );

  test('breakdown and series, filtered, are those of what was sent', async () => {
    const own = sent.filter(({ app, event }) => app === 1 && event === NAMES[1]);
    const query = { event: NAMES[1]!, app_id: apps[1]!.id, timezone: 'UTC' };
    const { total, data } = await answer('breakdown', { ...query, by: 'device' });
    expect(total).toBe(own.length);
    for (const { value, count, uniqueUsers } of data) {
      const expected = tally(own.filter(({ device }) => device === value));
      expect([value, count, uniqueUsers]).toEqual([value, expected.count, expected.uniqueUsers]);
    }
    const days = { startDate: '2026-03-20', endDate: '2026-04-08' };
    const { series } = await answer('series', { ...query, ...days });
    const [{ count, uniqueUsers, buckets }] = series;
    expect({ count, uniqueUsers }).toEqual({ count: own.length, uniqueUsers: tally(own).uniqueUsers });
    const dayOf = dayIn('UTC');
    for (const bucket of buckets) {
      const expected = tally(own.filter(({ ms }) => dayOf(ms) === bucket.label));
      expect([bucket.count, bucket.uniqueUsers]).toEqual([expected.count, expected.uniqueUsers]);
    }
  });

  test('asOf is no later than the receipt of an event that is committed and not copied', async () => {
    const receipt = new Date(Date.now() - HOUR_MS);
    const batch = Buffer.alloc(16, 1);
    // Committed in the future: no worker recovers it meanwhile.
    const add = `INSERT INTO outbox (batch_id, group_id, committed_at, oldest_receipt, bytes, event_ids)
      VALUES (?, NULL, NOW(3) + INTERVAL 1 DAY, ?, 0, '')`;
    await stack.query(add, [batch, receipt]);
    const today = new Date().toISOString().slice(0, 10);
    const [summary, series] = [
      await answer('event-summary', {}),
      await answer('series', { startDate: today, endDate: today, interval: 'hour' }),
    ];
    await stack.query('DELETE FROM outbox WHERE batch_id = ?', [batch]);
    expect([summary.asOf, series.asOf]).toEqual([receipt.toISOString(), receipt.toISOString()]);
    expect(Date.parse((await answer('event-summary', {})).asOf)).toBeGreaterThan(receipt.getTime());
  });

  test('what has expired is not told from the moment of its fence; its counts stay', async () => {
    const fence = new Date(FIRST + 10 * DAY_MS);
    const fenced = (time: Date | null) =>
      stack.query('UPDATE apps SET deleted_before = ? WHERE id = ?', [
        time,
        Buffer.from(apps[1]!.id.replaceAll('-', ''), 'hex'),
      ]);
    const until = { endDate: '2026-04-20', timezone: 'UTC' };
    await fenced(fence);
    const { total } = await answer('breakdown', { by: 'device', ...until });
    const [kept, counted] = [await answer('event-summary', until), tally(sent.filter(({ app }) => app < 2))];
    await fenced(null);
    expect(total).toBe(sent.filter(({ app, ms }) => app === 0 || (app === 1 && ms >= fence.getTime())).length);
    expect(kept).toMatchObject(counted);
  });

  test('no other table has a column app_id: the engine would want a filter for it too', async () => {
    const client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
    const query = `SELECT DISTINCT table FROM system.columns
      WHERE database = currentDatabase() AND name = 'app_id' AND table NOT IN ('events', 'archived_users') ORDER BY table`;
    const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<{ table: string }>();
    await client.close();
    expect(rows).toEqual([]);
  });

  test('questions are answered while a worker that starts finds out whether ClickHouse stores rows twice', async () => {
    const client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
    try {
      await client.command({ query: `CREATE TABLE ${DEDUPLICATION_PROBE} AS events` });
      const { status, body } = await ask('event-summary', {});
      expect([status, body.degraded]).toEqual([200, undefined]);
    } finally {
      await client.command({ query: `DROP TABLE IF EXISTS ${DEDUPLICATION_PROBE} SYNC` });
      await client.close();
    }
  });

  test('the form of a question that goes to disk has the same answer', async () => {
    const reader = new ReadModelReader(stack.env, { warn: () => undefined, info: () => undefined } as never);
    const asked = [0, 1].map((app) => ({
      ...{
        id: apps[app]!.id.replaceAll('-', ''),
        ownerId: '',
        timeZone: 'UTC',
        deletedBefore: null,
        retentionRollups: 'keep' as const,
      },
    }));
    const now = Date.now();
    const range = { startQuarter: FIRST / QUARTER_MS, endQuarter: (FIRST + 20 * DAY_MS) / QUARTER_MS };
    const buckets = Array.from({ length: 480 }, (_none, i) => ({
      startQuarter: range.startQuarter + 4 * i,
      endQuarter: range.startQuarter + 4 * (i + 1),
    }));
    const questions: (Omit<LimitedQuestion, 'timeLimitMs'> & { read: (rows: never[]) => unknown })[] = [
      breakdownQuestion(asked, 'event', { from: FIRST }, { device: ['mobile', 'bot'] }, 2, now),
      breakdownQuestion(asked, 'device', { from: FIRST }, {}, 100, now),
      breakdownQuestion(asked, 'metadata.none', { from: FIRST }, {}, 100, now),
      seriesQuestion(asked, undefined, range, buckets, now, new Date(now))!,
      seriesQuestion(asked, NAMES, range, buckets, now, new Date(now))!,
    ];
    const { signal } = new AbortController();
    for (const { thrifty, read, ...question } of questions) {
      const usual = await reader.select<never>({ ...question, timeLimitMs: 10_000 }, signal);
      const slower: never[] = [];
      for (const sql of thrifty!) {
        slower.push(
          ...(await reader.select<never>({ ...question, sql, timeLimitMs: 10_000, isThrifty: true }, signal)),
        );
      }
      expect(read(slower)).toEqual(read(usual));
    }
    await reader.onApplicationShutdown();
  });

  describe('while ClickHouse is away', () => {
    const mysqlCounts = () => {
      const { count, deviceData } = tally(sent.filter(({ app }) => app < 2));
      return { count, deviceData, uniqueUsers: null, degraded: ['uniqueUsers'] };
    };
    const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
      const begun = performance.now();
      const result = await work();
      return [result, performance.now() - begun];
    };

    test('frozen: counts come from MySQL in time, then at once; collect goes on; it recovers', async () => {
      stack.engine.process.child.kill('SIGSTOP');
      const [bodies, ms] = await timed(() =>
        Promise.all(Array.from({ length: 12 }, () => answer('event-summary', {}))),
      );
      for (const body of bodies) expect(body).toMatchObject(mysqlCounts());
      expect(ms).toBeLessThan(DEGRADED_WITHIN_MS);
      for (const path of ['breakdown?by=url', 'breakdown?by=event', 'series']) {
        const { status, body, headers } = await call(`${stack.url}/api/analytics/${path}`, { token: ann.accessToken });
        expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'read_model_unavailable', '2']);
      }
      const [, later] = await timed(() => answer('event-summary', {}));
      expect(later).toBeLessThan(DEGRADED_WITHIN_MS);
      const { status } = await call(`${stack.url}/collect`, { key: apps[2]!.apiKey, body: { event: 'meanwhile' } });
      expect(status).toBe(202);
      await stack.committed();
      stack.engine.process.child.kill('SIGCONT');
      await until(async () => (await answer('event-summary', {})).degraded === undefined, 'ClickHouse to answer again');
      await stack.drained();
      expect(await answer('event-summary', { event: 'meanwhile' }, eve)).toMatchObject({ count: 1, uniqueUsers: 1 });
    });

    test('killed: the same, and it recovers', async () => {
      await stack.engine.process.stop('SIGKILL');
      expect(await answer('event-summary', {})).toMatchObject(mysqlCounts());
      const [, ms] = await timed(() => answer('event-summary', {}));
      expect(ms).toBeLessThan(500);
      await stack.engine.start();
      await until(async () => (await answer('event-summary', {})).degraded === undefined, 'ClickHouse to answer again');
      expect(await answer('event-summary', {})).toMatchObject(tally(sent.filter(({ app }) => app < 2)));
    });
  });

  test('a key that reads sees its own app alone', async () => {
    const { apiKey } = await createKey(stack.url, ann, { appId: apps[0]!.id, scopes: ['read'] });
    const { body } = await call(`${stack.url}/api/analytics/event-summary`, { key: apiKey });
    expect(body).toMatchObject(tally(sent.filter(({ app }) => app === 0)));
  });
});
