import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CollectLimits } from '../../src/collect/collect-limits.js';
import type { Env } from '../../src/config/env.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { call, createKey, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';

const MIB = 1024 * 1024;
const LIMITS = { key: 100, account: 150, address: 300 };
const BYTES = { key_bytes: MIB, account_bytes: 1.5 * MIB, address_bytes: 3 * MIB };
const RATE_LIMITS = `${Object.entries({ ...LIMITS, ...BYTES })
  .map(([name, n]) => `${name}=${n}`)
  .join()},signin=1000`;

/** Text that gzip makes a tenth of. */
function randomText(i: number): string {
  return `${i} ${randomBytes(1000).toString('base64')}`.repeat(20);
}

describe('limits of events and bytes a second', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 2, workers: 0, env: { RATE_LIMITS } });
    await stack.startApi({ TRUSTED_PROXIES: '10.0.0.0/8' });
  });
  afterAll(() => stack?.stop());

  /** Alternates between the first two processes; the address is that of a trusted proxy's visitor. */
  const post = (key: string, events: number, address: string, api = (turn += 1) % 2) =>
    call(`${stack.apis[api]!.url}/collect/batch`, {
      key,
      headers: { 'x-forwarded-for': address },
      body: { events: Array.from({ length: events }, () => ({ event: 'x' })) },
    });
  let turn = 0;
  const account = async (email: string, keys = 1): Promise<string[]> => {
    const person = await signIn(stack.url, email);
    const app = await registerApp(stack.url, person);
    const made = [app.apiKey];
    while (made.length < keys) made.push((await createKey(stack.url, person, { appId: app.id })).apiKey);
    return made;
  };
  /** A window of a second may end between two posts: two rounds at once are always over twice the limit of one. */
  const over = async (posts: (() => ReturnType<typeof post>)[]) => {
    const answers = await Promise.all([...posts, ...posts, ...posts].map((each) => each()));
    const taken = answers.filter(({ status }) => status === 202);
    const refused = answers.filter(({ status }) => status === 429);
    expect(taken.length + refused.length).toBe(answers.length);
    for (const { headers, body } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(headers.get('ratelimit-remaining')).toBe('0');
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(body.code).toBe('rate_limited');
    }
    return { taken, refused, details: refused.map(({ body }) => body.detail as string).join(' ') };
  };

  test('of a key, shared by processes; a refused batch is taken not even in part', async () => {
    const before = await stack.pending();
    const [key] = await account('key@x.test');
    const { taken, details } = await over([() => post(key!, 60, '203.0.113.1')]);
    expect(details).toContain('100 events a second for this key');
    expect((await stack.pending()) - before).toBe(taken.length * 60);
  });

  test('of an account, over all of its keys', async () => {
    const keys = await account('account@x.test', 3);
    const { details } = await over(keys.map((key, i) => () => post(key, 30, `203.0.113.${10 + i}`)));
    expect(details).toContain('150 events a second for this account');
  });

  test('of an address, over all accounts behind it; another address is not held back', async () => {
    const keys = await Promise.all(
      Array.from({ length: 6 }, async (_n, i) => (await account(`office${i}@x.test`))[0]!),
    );
    const { details } = await over(keys.map((key) => () => post(key, 45, '203.0.113.50')));
    expect(details).toContain('300 events a second for this address');
    const [other] = await account('elsewhere@x.test');
    expect((await post(other!, 45, '203.0.113.51')).status).toBe(202);
  });

  test('what an address or a key is refused takes nothing from the account', async () => {
    const [key, other] = await account('starved@x.test', 2);
    // Five times what the account may send in a second, all from one key: its own limit of 100 refuses most of it.
    const flood = await Promise.all(Array.from({ length: 15 }, () => post(key!, 50, '203.0.113.60', 0)));
    expect(flood.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(11);
    expect((await post(other!, 10, '203.0.113.61', 0)).status).toBe(202);
    expect((await post(other!, 10, '203.0.113.61', 1)).status).toBe(202);
  });

  test('a batch of more events than a second of a limit holds is told so, instead of to try again', async () => {
    const [key] = await account('large@x.test');
    const { status, body } = await post(key!, 101, '203.0.113.70');
    expect([status, body.code]).toEqual([413, 'batch_over_limit']);
    expect(body.detail).toContain('A batch may hold 100 events here');
    expect((await post(key!, 100, '203.0.113.70')).status).toBe(202);
  });

  describe('of bytes, inflated', () => {
    /** 20 events of 28 KiB: 560 KiB that gzip to a few. */
    const events = Array.from({ length: 20 }, (_none, i) => ({ event: 'x', metadata: { i, text: randomText(i) } }));
    const body = gzipSync(JSON.stringify({ events }));
    const large = (key: string, address: string, api = (turn += 1) % 2) =>
      call(`${stack.apis[api]!.url}/collect/batch`, {
        key,
        headers: { 'x-forwarded-for': address, 'content-encoding': 'gzip' },
        body,
      });

    test('of a key; what is refused takes nothing, and the events of others are not held back', async () => {
      const before = await stack.pending();
      const [key, other] = await account('bytes@x.test', 2);
      const { taken, details } = await over([() => large(key!, '203.0.113.80'), () => large(key!, '203.0.113.81')]);
      expect(details).toContain(`${MIB} bytes a second for this key`);
      expect((await stack.pending()) - before).toBe(taken.length * events.length);
      expect((await post(other!, 1, '203.0.113.82')).status).toBe(202);
    });

    test('of an account', async () => {
      const keys = await account('bytes-account@x.test', 3);
      const { details } = await over(keys.map((key, i) => () => large(key, `203.0.113.${90 + i}`)));
      expect(details).toContain(`${1.5 * MIB} bytes a second for this account`);
    });

    test('of an address', async () => {
      const keys = await Promise.all(Array.from({ length: 6 }, async (_n, i) => (await account(`b${i}@x.test`))[0]!));
      const { details } = await over(keys.map((key) => () => large(key, '203.0.113.99')));
      expect(details).toContain(`${3 * MIB} bytes a second for this address`);
    });

    test('more than a second holds is told so; many different names count as more bytes', async () => {
      const api = await stack.startApi({ RATE_LIMITS: 'key_bytes=500000' });
      const [key] = await account('large-bytes@x.test');
      const at = stack.apis.indexOf(api);
      expect((await large(key!, '203.0.113.100', at)).body).toMatchObject({
        code: 'batch_over_limit',
        detail: expect.stringContaining('A batch may hold 500000 bytes here'),
      });
      const named = (count: number) => ({ event: 'x', metadata: Object.fromEntries(names(count)) });
      const names = (count: number) => Array.from({ length: count }, (_none, i): [string, number] => [`n${i}`, 1]);
      const send = (count: number) => call(`${api.url}/collect`, { key: key!, body: named(count) });
      expect([(await send(150)).status, (await send(1500)).status]).toEqual([202, 413]);
    });
  });

  test('over a limit, a body is not even read: what is wrong with it is not told', async () => {
    const [key] = await account('unread@x.test');
    const flood = await Promise.all(Array.from({ length: 12 }, () => post(key!, 60, '203.0.113.110', 0)));
    expect(flood.some(({ status }) => status === 429)).toBe(true);
    const bad = () =>
      call(`${stack.apis[0]!.url}/collect`, { key: key!, headers: { 'x-forwarded-for': '203.0.113.111' }, body: '{' });
    // Within the second, or after it.
    expect([400, 429]).toContain((await bad()).status);
  });

  test('requests that arrive together are told apart: those that fit are taken, in the order in which they came', async () => {
    const { redisKeyPrefix } = stack.env;
    const registry = { addressName: (address: string) => address } as unknown as RegistryService;
    const env = { redisKeyPrefix, rateLimits: { ...stack.env.rateLimits, key: 10, account: 100, address: 100 } } as Env;
    const limits = new CollectLimits(stack.redis, env, registry);
    const caller = { kind: 'key', keyId: 'k', appId: 'a', ownerId: 'o', scopes: ['write'] } as const;
    const asked = [4, 5, 2, 1, 1].map((events) => limits.take(caller, 'somewhere', { events, bytes: 10 }));
    const answers = await Promise.allSettled(asked);
    expect(answers.map(({ status }) => status === 'fulfilled')).toEqual([true, true, false, true, false]);
    expect(await stack.redis.hgetall(`${redisKeyPrefix}rate:collect:account:o`)).toEqual({ events: '10', bytes: '30' });
    expect(await stack.redis.pttl(`${redisKeyPrefix}rate:collect:key:k`)).toBeLessThanOrEqual(1000);
    await expect(limits.take(caller, 'elsewhere', { events: 1, bytes: 1 })).rejects.toMatchObject({ status: 429 });
  });

  test('an IPv6 address counts by its /64', async () => {
    const keys = await Promise.all(Array.from({ length: 6 }, async (_n, i) => (await account(`v6${i}@x.test`))[0]!));
    const { details } = await over(keys.map((key, i) => () => post(key, 45, `2001:db8:1:2::${i + 1}`)));
    expect(details).toContain('300 events a second for this address');
  });

  test('an address that somebody outside TRUSTED_PROXIES claims is not believed, told once and counted', async () => {
    const keys = await Promise.all(Array.from({ length: 6 }, async (_n, i) => (await account(`liar${i}@x.test`))[0]!));
    const { details } = await over(keys.map((key, i) => () => post(key, 45, `198.51.100.${i}`, 2)));
    expect(details).toContain('300 events a second for this address');
    const api = stack.apis[2]!;
    const warned = api.process.records.filter(
      ({ level, msg }) => level === 'warn' && /TRUSTED_PROXIES/.test(String(msg)),
    );
    expect(warned).toHaveLength(1);
    const counted = async () =>
      Number(/^tallystone_untrusted_forwarded_total (\d+)$/m.exec((await call(`${api.url}/metrics`)).body)![1]);
    const before = await counted();
    expect(before).toBeGreaterThanOrEqual(18);
    for (const name of ['forwarded', 'x-forwarded-host', 'x-forwarded-proto']) {
      await call(`${api.url}/health`, { headers: { [name]: 'elsewhere.test' } });
    }
    expect(await counted()).toBe(before + 3);
  });
});
