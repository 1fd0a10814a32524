import { call, createKey, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';

const LIMITS = { key: 100, account: 150, address: 300 };
const RATE_LIMITS = `${Object.entries(LIMITS)
  .map(([name, n]) => `${name}=${n}`)
  .join()},signin=1000`;

describe('limits of events a second', () => {
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
