import { type Answer, call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { rawCall } from '../support/raw-request.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { HELD_MS } from '../../src/held-answers.js';
import { WINDOW_S } from '../../src/access/anonymous-requests.js';

/** Requests a second; five seconds' worth may come at once. */
const LIMIT = 10;
const AT_ONCE = LIMIT * WINDOW_S;
/** Bodies a second without a key. */
const BODIES = 20;
const COLLECT = '/api/analytics/collect';

describe('requests without a good credential', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string; keyId: string };
  beforeAll(async () => {
    const RATE_LIMITS = `signin=1000,anonymous=${LIMIT}`;
    stack = await startStack({ workers: 0, env: { RATE_LIMITS } });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
  });
  afterAll(() => stack?.stop());

  let last = 0;
  /** Another visitor: the proxy whose word is taken says so. */
  const visitor = (): string => `203.0.113.${(last += 1)}`;
  type Sent = { path?: string; method?: string; headers?: Record<string, string>; body?: unknown };
  const send = (from: string, { path = '/health', headers, ...rest }: Sent = {}): Promise<Answer> =>
    call(stack.url + path, { ...rest, headers: { 'x-forwarded-for': from, ...headers } });
  /** Sends twice as many as an address may. A window may end in between. @returns how many of them were refused */
  const flood = async (from: string, sent: Sent | ((i: number) => Sent) = {}): Promise<number> => {
    const answers: Answer[] = [];
    // Refusals are held, so those beyond the limit are sent together.
    for (const [i, count] of [
      [0, AT_ONCE / 2],
      [AT_ONCE / 2, AT_ONCE / 2],
      [AT_ONCE, AT_ONCE * 1.5],
    ] as const) {
      const one = (_none: unknown, j: number) => send(from, typeof sent === 'function' ? sent(i + j) : sent);
      answers.push(...(await Promise.all(Array.from({ length: count }, one))));
    }
    return answers.filter(({ status }) => status === 429).length;
  };
  const cookie = (): string =>
    Object.entries(ann.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');

  test('are refused beyond the limit, before anything else; other addresses are served, until the wait is over', async () => {
    const from = visitor();
    expect(await flood(from)).toBeGreaterThanOrEqual(AT_ONCE / 2);
    const begun = Date.now();
    const { status, headers, body } = await send(from);
    expect([status, body.code]).toEqual([429, 'rate_limited']);
    const waitS = Number(headers.get('retry-after'));
    expect(waitS).toBeGreaterThan(0);
    expect(waitS).toBeLessThanOrEqual(WINDOW_S);
    expect(body.requestId).toBe(headers.get('x-request-id'));
    for (const name of ['permissions-policy', 'content-security-policy', 'ratelimit-limit']) {
      expect([name, headers.get(name)]).toEqual([name, expect.any(String)]);
    }
    const preflight = await send(from, { path: COLLECT, method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([429, '*']);
    // Nor does a path that finds no route, or cannot be decoded, pass.
    const paths = ['/nothing', '/', '/t.js', '/api/auth/me', '/api/auth/google'];
    const others = await Promise.all(paths.map((path) => send(from, { path })));
    expect(others.map((answer) => answer.status)).toEqual(paths.map(() => 429));
    const undecodable = await rawCall(`${stack.url}/%zz`, { headers: { 'x-forwarded-for': from } });
    expect(undecodable.status).toBe(429);
    expect((await send(visitor())).status).toBe(200);
    await until(async () => (await send(from)).status === 200, 'the wait to be over');
    expect(Date.now() - begun).toBeLessThan((waitS + 2) * 1000);
  });

  test('count by the /64 of an IPv6 address', async () => {
    expect(await flood('2001:db8:1:2::1')).toBeGreaterThan(0);
    expect((await send('2001:db8:1:2:3::1')).status).toBe(429);
    expect((await send('2001:db8:1:3::1')).status).toBe(200);
  });

  test('count by the /48 of an IPv6 address too, with five times the limit', async () => {
    // None of its /64s is over the limit.
    const sent = Array.from({ length: AT_ONCE * 8 }, (_none, i) => send(`2001:db8:2:${i % 16}::1`));
    expect((await Promise.all(sent)).filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    expect((await send('2001:db8:2:99::1')).status).toBe(429);
    expect((await send('2001:db8:3:99::1')).status).toBe(200);
  });

  test('are answered later once they are refused, so that nobody asks again and again at once', async () => {
    const from = visitor();
    await flood(from);
    for (let i = 0; i < 3; i += 1) {
      const begun = performance.now();
      const { status } = await send(from);
      const ms = performance.now() - begun;
      if (status === 429) expect(ms).toBeGreaterThanOrEqual(HELD_MS - 5);
    }
    expect.hasAssertions();
  });

  test('count when a body holds no key, and none is read while its address is over both limits', async () => {
    const from = visitor();
    const keyless = { path: COLLECT, body: { event: 'x' } };
    await flood(from, keyless);
    const after = await send(from);
    expect([after.status, after.headers.get('ratelimit-limit')]).toEqual([429, String(AT_ONCE)]);
    // By this limit and not by `bodies`, whose answer comes after the body.
    const answers = await Promise.all(Array.from({ length: BODIES + 10 }, () => send(from, keyless)));
    expect(answers.map(({ headers }) => headers.get('ratelimit-limit'))).toContain(String(AT_ONCE));
    // Bodies with a good key do not count.
    const another = visitor();
    await flood(another, { path: COLLECT, body: { event: 'x', apiKey: app.apiKey } });
    await flood(another, { path: COLLECT, body: { apiKey: app.apiKey, evnt: 'wrong' } });
    expect((await send(another)).status).toBe(200);
  });

  test('never stand in the way of a good key or sign-in from the same address', async () => {
    const [from, unmet, readKey] = [
      visitor(),
      (await registerApp(stack.url, ann)).apiKey,
      (await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] })).apiKey,
    ];
    const bearer = { authorization: `Bearer ${ann.accessToken}` };
    const good: [string, Sent][] = [
      ['202', { path: COLLECT, headers: { 'x-api-key': app.apiKey }, body: { event: 'x' } }],
      ['202', { path: COLLECT, headers: { authorization: `Bearer ${app.apiKey}` }, body: { event: 'x' } }],
      ['202', { path: COLLECT, headers: { 'x-api-key': unmet }, body: { event: 'x' } }],
      ['202', { path: '/api/ingest', body: { event: 'x', apiKey: app.apiKey } }],
      ['200', { path: '/api/analytics/event-summary', headers: { 'x-api-key': readKey } }],
      ['200', { path: '/api/auth/api-key/self', headers: { 'x-api-key': app.apiKey } }],
      ['200', { path: '/api/auth/me', headers: bearer }],
      ['200', { path: '/auth/me', headers: { cookie: cookie() } }],
      ['200', { path: '/', headers: { cookie: cookie() } }],
    ];
    expect(await flood(from)).toBeGreaterThan(0);
    for (const [wanted, sent] of good) {
      expect([sent.path, String((await send(from, sent)).status)]).toEqual([sent.path, wanted]);
    }
    expect((await send(from)).status).toBe(429);
    // Nor do they count themselves.
    const another = visitor();
    expect(await flood(another, good[0]![1])).toBe(0);
    expect(await flood(another, good[6]![1])).toBe(0);
    expect((await send(another)).status).toBe(200);
  });

  test('are those with a refused credential too, wherever it is', async () => {
    const revoked = await createKey(stack.url, ann, { appId: app.id });
    await call(`${stack.url}/api/auth/revoke`, { token: ann.accessToken, body: { keyId: revoked.keyId } });
    const gone = await signIn(stack.url, 'gone@example.test');
    await call(`${stack.url}/api/auth/logout`, { body: { refreshToken: gone.refreshToken } });
    const cookieOf = ({ cookies }: Signed) => {
      const name = Object.keys(cookies).find((one) => one.includes('session'))!;
      return `${name}=${cookies[name]}`;
    };
    const event = { event: 'x' };
    const refused: Record<string, Sent | ((i: number) => Sent)> = {
      bearer: (i) => ({ path: '/api/apps', headers: { authorization: `Bearer a.b.${i}` } }),
      cookie: { path: '/api/apps', headers: { cookie: cookieOf(gone).replace(/=.*/, '=a.b.c') } },
      'ended session': { path: '/api/apps', headers: { authorization: `Bearer ${gone.accessToken}` } },
      'ended session as cookie': { path: '/api/apps', headers: { cookie: cookieOf(gone) } },
      key: { path: COLLECT, headers: { 'x-api-key': 'a.b.c' }, body: event },
      'revoked key': { path: COLLECT, headers: { 'x-api-key': revoked.apiKey }, body: event },
      'key on a route for people': { path: '/api/apps', headers: { 'x-api-key': app.apiKey } },
      'key without the scope': { path: '/api/analytics/events', headers: { 'x-api-key': app.apiKey } },
      'good key where none is asked for': { path: '/health', headers: { 'x-api-key': app.apiKey } },
      'good key and no route': { path: '/api/nothing', headers: { 'x-api-key': app.apiKey } },
      'bearer with a body that is no JSON': {
        path: '/api/apps',
        headers: { authorization: 'Bearer a.b.c' },
        body: '{',
      },
      'preflight with a key': { path: COLLECT, method: 'OPTIONS', headers: { 'x-api-key': app.apiKey } },
      'collect without a body': { path: COLLECT, method: 'POST' },
    };
    const refuse = async ([name, sent]: [string, Sent | ((i: number) => Sent)]): Promise<void> => {
      const from = visitor();
      await flood(from, sent);
      // Refused early: the answer tells of this limit.
      const after = await send(from);
      expect([name, after.status, after.headers.get('ratelimit-limit')]).toEqual([name, 429, String(AT_ONCE)]);
      const again = await send(from, typeof sent === 'function' ? sent(0) : sent);
      expect([name, again.status, again.headers.get('ratelimit-limit')]).toEqual([name, 429, String(AT_ONCE)]);
    };
    const names = Object.entries(refused);
    for (let i = 0; i < names.length; i += 3) await Promise.all(names.slice(i, i + 3).map(refuse));
  });

  test('are not probes from the machine itself or a trusted network', async () => {
    for (const path of ['/health', '/ready']) {
      const answers = await Promise.all(Array.from({ length: AT_ONCE * 2 }, () => call(stack.url + path)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
  });
});
