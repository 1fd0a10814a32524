import { call, registerApp, signIn, type Signed } from './support/client.js';
import { Relay } from './support/relay.js';
import { type Stack, startStack } from './support/stack.js';

const OPERATOR = 'ann@x.test';

describe("the installation's figures", () => {
  let stack: Stack;
  let redis: Relay;
  let url: string;
  let ann: Signed;
  let key: string;

  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 1, env: { OPERATORS: OPERATOR, TRUSTED_PROXIES: '10.0.0.1' } });
    const { path, host, port, db } = stack.env.redis;
    redis = await Relay.to(path ? { path } : { host, port: port! });
    ({ url } = await stack.startApi({ REDIS_URL: `redis://127.0.0.1:${redis.port}/${db}` }));
    ann = await signIn(url, OPERATOR);
    key = (await registerApp(url, ann)).apiKey;
  });
  afterAll(async () => {
    await redis?.mend();
    await stack?.stop();
    await redis?.cut();
  });

  const figures = async (token = ann.accessToken) => call(`${url}/api/operation`, { token });
  const timestamp = new Date().toISOString();
  const post = async (eventId: string, event: string): Promise<void> => {
    const { status } = await call(`${url}/collect`, { key, body: { eventId, event, timestamp } });
    expect(status).toBe(202);
  };

  test('only who is named in OPERATORS sees them', async () => {
    expect((await figures()).status).toBe(200);
    const bob = await signIn(url, 'bob@x.test');
    const { status, body } = await figures(bob.accessToken);
    expect([status, body.code]).toEqual([403, 'not_operator']);
    expect(body.detail).toContain('OPERATORS');
  });

  test('what was committed is told as the ledger has it, and what could not be stored', async () => {
    await post('a', 'first');
    await stack.drained();
    await post('a', 'first');
    await post('b', 'second');
    await post('a', 'not the first');
    await stack.drained();
    const { body } = await figures();
    for (const minutes of [1, 60, 1440]) {
      const rate = body.rates.find((one: { minutes: number }) => one.minutes === minutes);
      expect(rate).toEqual({ minutes, received: 4, inserted: 2, duplicated: 1, dead: 1, erased: 0 });
    }
    expect(body.deadLetters).toBe(1);
    // An hour later it is not of the last hour any more.
    await stack.query('UPDATE ingest_batches SET committed_at = committed_at - INTERVAL 2 HOUR');
    const later = (await figures()).body.rates.map(({ received }: { received: number }) => received);
    expect(later).toEqual([0, 0, 4]);
  });

  test('the backlog is what waits in Redis, and for how long', async () => {
    const { backlog: empty } = (await figures()).body;
    expect(empty).toMatchObject({ events: 0, bytes: 0, oldestAgeMs: null, maxBytes: stack.env.bufferMaxBytes });
    expect(empty.workerSeenAgeMs).toBeLessThan(60_000);
    await stack.workers[0]!.stop('SIGKILL');
    await post('c', 'waits');
    const [entry] = await stack.waiting();
    await stack.push(0, aged(entry!, 90_000));
    const { backlog } = (await figures()).body;
    expect(backlog.events).toBe(2);
    expect(backlog.bytes).toBeGreaterThan(0);
    expect(backlog.oldestAgeMs).toBeGreaterThanOrEqual(90_000);
    expect(backlog.oldestAgeMs).toBeLessThan(120_000);
  });

  test('how far the copy in ClickHouse is', async () => {
    const copy = async () => (await figures()).body.readModel;
    // The worker is gone by now.
    expect(await copy()).toEqual({ state: 'complete', filled: 0, total: 0, waiting: 0, oldestWaitingAgeMs: null });
    await stack.query('UPDATE read_model SET rebuild_stage = 1, filled = 1');
    expect(await copy()).toMatchObject({ state: 'rebuilding', filled: 1, total: expect.any(Number) });
    await stack.query('UPDATE read_model SET complete_at = NULL');
    expect(await copy()).toMatchObject({ state: 'filling', filled: 1 });
    await stack.query('UPDATE read_model SET rebuild_stage = 0, enabled = 0');
    expect(await copy()).toMatchObject({ state: 'off', filled: 0, total: 0 });
  });

  test('a forwarded header from a peer that TRUSTED_PROXIES does not name is counted', async () => {
    const before = (await figures()).body.untrustedForwarded;
    await call(`${url}/health`, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect((await figures()).body.untrustedForwarded).toBe(before + 1);
  });

  test('while Redis is away it says so, and tells the rest', async () => {
    await redis.cut();
    const { status, body } = await figures();
    expect([status, body.backlog]).toEqual([200, null]);
    expect(body.rates).toHaveLength(3);
  });
});

/** The same entry, received earlier. */
function aged(entry: string, ms: number): string {
  const received = Number(/"r":(\d+)/.exec(entry)![1]);
  return entry.replace(`"r":${received}`, `"r":${received - ms}`);
}
