import { BacklogReader } from '../src/buffer/backlog.js';
import { SEGMENT_MAX_EVENTS, SEGMENT_OVERHEAD_BYTES } from '../src/buffer/append.lua.js';
import { BufferWriter } from '../src/buffer/buffer-writer.js';
import { NO_ACCOUNT } from '../src/buffer/buffer-keys.js';
import { ClaimStore } from '../src/processing/claim.store.js';
import { encodeEnvelope } from '../src/events/envelope.js';
import { type Answer, call, registerApp, signIn } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { countNaively, storedCounts } from './support/naive-counts.js';
import { Relay } from './support/relay.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const MIB = 1024 * 1024;
const CHUNK = 500;
const HOUR = 3_600_000;

/** An account with an app, and what posts to it. */
async function tenant(stack: Stack, email: string) {
  const app = await registerApp(stack.url, await signIn(stack.url, email));
  const post = (events: object[], url = stack.url): Promise<Answer> =>
    call(`${url}/collect/batch`, { key: app.apiKey, body: { events } });
  return { ...app, hex: app.id.replaceAll('-', ''), post };
}

const copies = (n: number, event: object): object[] => Array.from({ length: n }, () => event);
const held = async (stack: Stack, field = 'bytes') => Number((await stack.redis.hget(stack.keys.usage, field)) ?? 0);

describe('accounts take turns', () => {
  let stack: Stack;
  let backlog: BacklogReader;
  beforeAll(async () => {
    const RATE_LIMITS = 'address=100000,signin=10000';
    const env = { CHUNK_MAX_EVENTS: String(CHUNK), CLAIM_LEASE_MS: '1000', RATE_LIMITS };
    stack = await startStack({ workers: 0, env });
    backlog = new BacklogReader(stack.redis, stack.env);
  });
  afterAll(() => stack?.stop());
  const batches = async () =>
    Number((await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM ingest_batches'))[0]!.n);
  /** What is noted of a buffer that is empty. */
  const figures = async () => (await stack.redis.hkeys(stack.keys.usage)).sort();
  const stopWorkers = () => Promise.all(stack.workers.splice(0).map((worker) => worker.stop()));

  test('one event behind 8,000 of another account is in the first transaction', async () => {
    const [busy, quiet] = [await tenant(stack, 'busy@x.test'), await tenant(stack, 'quiet@x.test')];
    for (let i = 0; i < 8; i += 1) expect((await busy.post(copies(1000, { event: 'busy' }))).status).toBe(202);
    expect((await quiet.post([{ event: 'quiet' }])).status).toBe(202);
    await stack.startWorker();
    await stack.drained();
    const [before] = await stack.query<{ n: string }>(
      `SELECT COUNT(*) AS n FROM ingest_batches WHERE batch_id <
        (SELECT batch_id FROM events WHERE app_id = UNHEX(?))`,
      [quiet.hex],
    );
    expect(Number(before!.n)).toBe(0);
    expect(await figures()).toEqual(['last', 'lastAt', 'otherAt']);
  });

  test('the figures are what is there, however large the entries are and however they fill segments', async () => {
    await stopWorkers();
    const writer = new BufferWriter(stack.redis, stack.keys, stack.env);
    const entry = (name: string, bytes: number) =>
      encodeEnvelope(acceptedEvent({ eventId: name, metadata: JSON.stringify({ text: 'x'.repeat(bytes) }) }));
    const large = (name: string) => Array.from({ length: 31 }, (_none, i) => entry(`${name} ${i}`, 32_000));
    const now = Date.now();
    await writer.append('a'.repeat(32), large('first'), now);
    // Into a segment that is nearly full of bytes.
    await writer.append('a'.repeat(32), large('second'), now);
    await writer.append('b'.repeat(32), [entry('small', 10), ...large('third')], now);
    // More than one claim holds.
    for (let i = 0; i < 8; i += 1) await writer.append(`${i}`.repeat(32), large(`account ${i}`), now);
    const all = await held(stack, 'events');
    await expectTrueFigures();
    await stack
      .startWorker({ NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT: 'after-unlink' })
      .catch(() => undefined);
    await until(async () => (await held(stack, 'events')) < all, 'a claim to be finished');
    await stopWorkers();
    // What is left after some of it was stored.
    await expectTrueFigures();
    await stack.startWorker();
    await stack.drained();
  });

  /** `bytes` is the sum of what Redis says of each segment, and so are the figures of the accounts. */
  async function expectTrueFigures(): Promise<void> {
    const usage = await stack.redis.hgetall(stack.keys.usage);
    const sum = (prefix: string) =>
      Object.entries(usage).reduce((total, [field, n]) => total + (field.startsWith(prefix) ? Number(n) : 0), 0);
    let measured = 0;
    for (const field of Object.keys(usage).filter((name) => name.startsWith('s:'))) {
      const bytes = (await stack.redis.memory('USAGE', stack.keys.segment(field.slice(2)), 'SAMPLES', 0))!;
      measured += bytes + SEGMENT_OVERHEAD_BYTES;
    }
    expect({ bytes: Number(usage.bytes ?? 0), segments: sum('s:'), accounts: sum('a:') }).toEqual({
      bytes: measured,
      segments: measured,
      accounts: measured,
    });
    expect(measured).toBeGreaterThan(0);
  }

  test('an event of each of 1,000 accounts needs a few transactions, not 1,000', async () => {
    await stopWorkers();
    const before = await batches();
    const events = Array.from({ length: 1000 }, (_none, i) => acceptedEvent({ eventId: `small ${i}` }));
    await Promise.all(events.map((event, i) => stack.push(i, encodeEnvelope(event))));
    await stack.startWorker();
    await stack.drained();
    expect((await batches()) - before).toBe(1000 / CHUNK);
  });

  test('the backlog is exact about events, and no entry is older than it says, waiting or claimed', async () => {
    await stopWorkers();
    const now = Date.now();
    const entry = (receivedAt: number) => encodeEnvelope(acceptedEvent({ eventId: `at ${receivedAt}`, receivedAt }));
    await stack.push(1, entry(now), entry(now - 1000));
    await stack.push(2, ...Array.from({ length: 3 * SEGMENT_MAX_EVENTS }, (_none, i) => entry(now + i)));
    // An API process that was slow: into a segment that is there.
    await stack.push(1, entry(now - 5000));
    expect(await backlog.read()).toMatchObject({ events: 753, oldestReceivedAt: now - 5000 });
    const crash = { NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT: 'after-claim' };
    // It may be gone before it has said that it is ready.
    const victim = await stack.startWorker(crash).catch(() => stack.workers.at(-1)!);
    expect(await victim.ended()).toBe('SIGKILL');
    stack.workers.splice(0);
    expect(await stack.redis.zcard(stack.keys.claims)).toBe(1);
    expect(await backlog.read()).toMatchObject({ events: 753, oldestReceivedAt: now - 5000 });
    await stack.startWorker();
    await stack.drained();
    expect(await backlog.read()).toMatchObject({ events: 0, bytes: 0 });
    expect((await backlog.read()).oldestReceivedAt).toBeUndefined();
  });

  test('the oldest entry of an account is its own, also in a claim that holds older ones of another', async () => {
    await stopWorkers();
    const now = Date.now();
    const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [string, string, string];
    const writer = new BufferWriter(stack.redis, stack.keys, stack.env);
    const append = (account: string, receivedAt: number) =>
      writer.append(account, [encodeEnvelope(acceptedEvent({ receivedAt }))], receivedAt);
    await append(a, now - HOUR);
    await append(b, now - 1000);
    const store = new ClaimStore(stack.redis, stack.keys, stack.env);
    const claim = (await store.take('serve', MIB))!;
    expect(claim.length).toBe(2);
    // Behind what is claimed.
    await append(b, now);
    const oldest = () => Promise.all([a, b, c].map((account) => backlog.oldestOf([account])));
    expect(await oldest()).toEqual([now - HOUR, now - 1000, undefined]);
    expect(await backlog.oldestOf([c, b, a])).toBe(now - HOUR);
    expect(await backlog.readOf([b])).toEqual({ events: 2, oldestReceivedAt: now - 1000 });
    expect(await backlog.readOf([c])).toEqual({ events: 0 });
    // A worker of an earlier version does not note when the segments of its claim were received.
    const { base } = stack.keys;
    const noted = await stack.redis.zrange(`${base}taken`, 0, -1, 'WITHSCORES');
    await stack.redis.del(`${base}taken`);
    expect(await oldest()).toEqual([now - HOUR, now - HOUR, undefined]);
    await stack.redis.zadd(`${base}taken`, ...noted.reverse());
    // They may be anybody's, claimed or not.
    await append(NO_ACCOUNT, now - 2 * HOUR);
    expect(await oldest()).toEqual([now - 2 * HOUR, now - 2 * HOUR, now - 2 * HOUR]);
    const second = (await store.take('serve', MIB))!;
    expect(await oldest()).toEqual([now - 2 * HOUR, now - 2 * HOUR, now - 2 * HOUR]);
    await store.finish(second);
    expect(await oldest()).toEqual([now - HOUR, now - 1000, undefined]);
    await store.finish(claim);
    expect(await oldest()).toEqual([undefined, undefined, undefined]);
    expect(await stack.redis.exists(`${base}taken`)).toBe(0);
  });

  test('two workers, killed again and again, count every event once', async () => {
    await stopWorkers();
    const appId = 'd'.repeat(32);
    const events = Array.from({ length: 4000 }, (_none, i) => acceptedEvent({ appId, eventId: `killed ${i}` }));
    for (let i = 0; i < events.length; i += 100) {
      await stack.push((i / 100) % 7, ...events.slice(i, i + 100).map(encodeEnvelope));
    }
    for (const point of ['after-claim', 'after-commit', 'before-unlink', 'after-unlink']) {
      const crash = { NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT: point };
      const victim = await stack.startWorker(crash).catch(() => stack.workers.at(-1)!);
      expect(await victim.ended()).toBe('SIGKILL');
      stack.workers.splice(0);
    }
    await Promise.all([stack.startWorker(), stack.startWorker()]);
    await stack.drained();
    const own = (counts: { summary: string[] }) => counts.summary.filter((line) => line.startsWith(appId));
    expect(own(await storedCounts(stack))).toEqual(countNaively(events).summary);
    expect(await figures()).toEqual(['last', 'lastAt', 'otherAt']);
  });
});

describe('what release 0.1 left in its lists', () => {
  const APP = 'e'.repeat(32);
  /** An entry as release 0.1 wrote it. */
  const old = (n: number) =>
    `{"v":1,"i":"019ad1000000700080000000000000${n}","a":"${APP}","e":"old","t":1764547200000,"r":1764547200000` +
    `,"k":0,"u":"ann","d":2,"h":"00000000000000${n}","x":"old ${n}"}`;
  const CLAIM = '0123456789abcdef0123456789abcde';
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 0 });
  });
  afterAll(() => stack?.stop());
  const key = (list: number, name: string) => `${stack.keys.prefix}{ingest:${list}}:${name}`;
  const stored = async () =>
    (await stack.query<{ id: Buffer }>('SELECT event_id AS id FROM events ORDER BY event_id')).map(({ id }) =>
      String(id),
    );

  test('is drained after an upgrade: lists, a claim that was begun, and a claim of a worker that is gone', async () => {
    for (const list of [0, 1, 2, 3]) await stack.redis.rpush(key(list, 'pending'), old(10 + list));
    await stack.redis.rpush(key(1, `claim:${CLAIM}1`), old(20), old(21), old(22));
    await stack.redis.zadd(key(1, 'claims'), Date.now() - 1, `${CLAIM}1`);
    // Its first two entries were committed.
    await stack.query('INSERT INTO ingest_claims (claim_id, next_index, created_at) VALUES (UNHEX(?), 2, NOW(3))', [
      `${CLAIM}1`,
    ]);
    const leaseEnds = Date.now() + 1500;
    await stack.redis.rpush(key(2, `claim:${CLAIM}2`), old(30));
    await stack.redis.zadd(key(2, 'claims'), leaseEnds, `${CLAIM}2`);
    const backlog = new BacklogReader(stack.redis, stack.env);
    expect(await backlog.read()).toMatchObject({ events: 8, oldestReceivedAt: 1764547200000 });
    expect((await backlog.read()).oldListBytes).toBeGreaterThan(0);
    await Promise.all([stack.startWorker(), stack.startWorker()]);
    await until(async () => (await stored()).length === 6, 'all but the claim that has an owner');
    await stack.drained();
    expect(Date.now()).toBeGreaterThanOrEqual(leaseEnds);
    expect(await stored()).toEqual(['old 10', 'old 11', 'old 12', 'old 13', 'old 22', 'old 30']);
    expect(await backlog.read()).toMatchObject({ events: 0, bytes: 0, oldListBytes: 0 });
  });

  test('is drained while an API process of release 0.1 still adds to it', async () => {
    await stack.redis.rpush(key(0, 'pending'), old(40), old(41));
    await stack.drained();
    await stack.redis.rpush(key(0, 'pending'), old(42));
    await stack.drained();
    expect((await stored()).filter((id) => id.startsWith('old 4'))).toEqual(['old 40', 'old 41', 'old 42']);
  });

  test('survives a worker that dies just after it has adopted it', async () => {
    await Promise.all(stack.workers.splice(0).map((worker) => worker.stop()));
    await stack.redis.rpush(key(3, 'pending'), old(50), old(51));
    const crash = { NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT: 'after-adopt' };
    const victim = await stack.startWorker(crash).catch(() => stack.workers.at(-1)!);
    expect(await victim.ended()).toBe('SIGKILL');
    stack.workers.splice(0);
    expect(await stack.redis.exists(key(3, 'pending'))).toBe(0);
    // They may be anybody's: an erasure of any account must wait for them.
    const backlog = new BacklogReader(stack.redis, stack.env);
    expect(await backlog.oldestOf(['a'.repeat(32)])).toBe(1764547200000);
    await stack.startWorker();
    await stack.drained();
    expect(await backlog.oldestOf(['a'.repeat(32)])).toBeUndefined();
    expect((await stored()).filter((id) => id.startsWith('old 5'))).toEqual(['old 50', 'old 51']);
  });
});

describe('limits of the buffer', () => {
  let stack: Stack;
  let relay: Relay;
  let [a, b]: Awaited<ReturnType<typeof tenant>>[] = [];
  const large = { event: 'large', metadata: { text: 'x'.repeat(20_000) } };
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { BUFFER_MAX_BYTES: String(MIB) } });
    [a, b] = [await tenant(stack, 'a@x.test'), await tenant(stack, 'b@x.test')];
    const { path, host, port, db } = stack.env.redis;
    relay = await Relay.to(path ? { path } : { host, port: port! });
    await stack.startApi({ REDIS_URL: `redis://127.0.0.1:${relay.port}/${db}` });
  });
  afterAll(async () => {
    await stack?.stop();
    await relay?.cut();
  });
  afterEach(() => stack.emptyBuffer());

  /** Posts one large event after the other until one is refused. */
  async function fill(who: typeof a): Promise<Answer> {
    for (;;) {
      const answer = await who!.post([large], stack.apis[Math.random() < 0.5 ? 0 : 1]!.url);
      if (answer.status !== 202) return answer;
    }
  }

  test('while Redis answers slowly, nothing is refused before the buffer is full, and nothing taken after', async () => {
    relay.delayAnswers(250);
    const waves: number[][] = [];
    do {
      const answers = await Promise.all(copies(12, large).map((one) => a!.post([one], stack.apis[1]!.url)));
      waves.push(answers.map(({ status }) => status).sort());
    } while (waves.at(-1)!.every((status) => status === 202));
    relay.delayAnswers(0);
    const accepted = waves.flat().filter((status) => status === 202).length;
    expect(waves.flat().every((status) => status === 202 || status === 503)).toBe(true);
    const bytes = await held(stack);
    expect(bytes).toBeGreaterThanOrEqual(MIB);
    expect(bytes - bytes / accepted).toBeLessThan(MIB);
  });

  test('an account that is alone may use all of it', async () => {
    const { status, body } = await fill(a);
    expect([status, body.code]).toEqual([503, 'buffer_full']);
    expect(await held(stack)).toBeGreaterThanOrEqual(MIB);
  });

  test('another account that sends keeps room, and the busy one is told so by a code of its own', async () => {
    expect((await b!.post([{ event: 'there' }])).status).toBe(202);
    const { status, body, headers } = await fill(a);
    expect([status, body.code, headers.get('retry-after')]).toEqual([429, 'buffer_share_exceeded', '5']);
    // Over its share since a quarter: it is refused only from the half on.
    expect(await held(stack)).toBeGreaterThan(MIB / 2);
    expect(await held(stack)).toBeLessThan(MIB * 0.6);
    expect((await b!.post([large])).status).toBe(202);
    // Until it, too, is over its share.
    expect((await fill(b)).body.code).toBe('buffer_share_exceeded');
    const [worker] = [await stack.startWorker()];
    await stack.drained();
    await worker.stop();
    stack.workers.splice(0);
    expect((await a!.post([large])).status).toBe(202);
  });

  test('an account that has not sent for an hour keeps no room', async () => {
    expect((await b!.post([{ event: 'there' }])).status).toBe(202);
    expect((await fill(a)).body.code).toBe('buffer_share_exceeded');
    expect(await held(stack, 'otherAt')).toBeGreaterThan(Date.now() - HOUR);
    await stack.redis.hset(stack.keys.usage, 'otherAt', Date.now() - HOUR - 1000);
    expect((await fill(a)).body.code).toBe('buffer_full');
  });

  test.each([
    ['the whole buffer is full', MIB / 2, false],
    ['the account holds more than its share', MIB, true],
  ])(
    'requests that share a call are each kept or refused as if they came alone, until %s',
    async (_what, maxBytes, othersPresent) => {
      const entry = (bytes: number) =>
        encodeEnvelope(acceptedEvent({ metadata: JSON.stringify({ text: 'x'.repeat(bytes) }) }));
      const requests = Array.from({ length: 60 }, (_none, i) =>
        Array.from({ length: 1 + (i % 7) }, () => entry(i * 100)),
      );
      const { account, writer } = {
        account: 'a'.repeat(32),
        writer: new BufferWriter(stack.redis, stack.keys, stack.env),
      };
      const now = Date.now();
      const begin = async () => {
        await stack.emptyBuffer();
        if (othersPresent) await writer.append('b'.repeat(32), [entry(1)], now);
      };
      await begin();
      const alone = [];
      for (const request of requests) alone.push(await writer.append(account, request, now, maxBytes));
      const figures = await stack.redis.hgetall(stack.keys.usage);
      await begin();
      await stack.redis.config('RESETSTAT');
      const together = await Promise.all(requests.map((request) => writer.append(account, request, now, maxBytes)));
      const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await stack.redis.info('commandstats'))![1]);
      expect(together).toEqual(alone);
      const bytesAndEvents = ({ bytes, events, pending }: Record<string, string>) => ({ bytes, events, pending });
      expect(bytesAndEvents(await stack.redis.hgetall(stack.keys.usage))).toEqual(bytesAndEvents(figures));
      expect(new Set(alone.map(({ outcome }) => outcome))).toEqual(
        new Set(['kept', othersPresent ? 'share_exceeded' : 'full']),
      );
      // Sixty at the most: other processes of the test may ask Redis meanwhile.
      expect(calls).toBeLessThan(requests.length / 4);
    },
  );

  test('bytes are those of the memory that Redis uses, also where each account has one small event', async () => {
    // Of this test's keys: other tests use the same Redis meanwhile.
    const used = async (): Promise<number> => {
      const keys = await stack.redis.keys(`${stack.env.redisKeyPrefix}*`);
      const sizes = await Promise.all(keys.map((key) => stack.redis.memory('USAGE', key)));
      return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    };
    const entry = encodeEnvelope(acceptedEvent());
    const before = await used();
    await Promise.all(Array.from({ length: 500 }, (_none, i) => stack.push(i, entry)));
    const [grown, told] = [(await used()) - before, await held(stack)];
    expect(told / grown).toBeGreaterThan(0.7);
    expect(told / grown).toBeLessThan(1.5);
  });
});
