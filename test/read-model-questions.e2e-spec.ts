import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
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
