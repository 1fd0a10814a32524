import { type Answer, call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { Relay } from './support/relay.js';
import { type Stack, startStack } from './support/stack.js';

const LIMITS = { reads: 12, changes: 8, regenerate: 3 };

describe('limits of an account', () => {
  let stack: Stack;
  beforeAll(async () => {
    const limits = Object.entries({ ...LIMITS, signin: 1000 }).map(([name, n]) => `${name}=${n}`);
    stack = await startStack({ apis: 2, workers: 0, env: { RATE_LIMITS: limits.join() } });
  });
  afterAll(() => stack?.stop());

  /** The same at one process and the other by turns, so many times. */
  const times = async (count: number, ask: (url: string) => Promise<Answer>): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let i = 0; i < count; i += 1) answers.push(await ask(stack.apis[i % 2]!.url));
    return answers;
  };
  const statuses = (answers: Answer[]): number[] => answers.map(({ status }) => status);
  const me = (person: Signed) => (url: string) => call(`${url}/api/auth/me`, { token: person.accessToken });

  test('reads of a person and of their keys count together, over all processes; others are not held back', async () => {
    const ann = await signIn(stack.url, 'reads@x.test');
    const app = await registerApp(stack.url, ann);
    const { apiKey } = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    const first = await times(4, me(ann));
    expect(statuses(first)).toEqual([200, 200, 200, 200]);
    expect(first[3]!.headers.get('ratelimit-limit')).toBe('12');
    expect(first[3]!.headers.get('ratelimit-remaining')).toBe('8');
    expect(Number(first[3]!.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60);
    const summary = (url: string) => call(`${url}/api/analytics/event-summary`, { key: apiKey });
    const self = (url: string) => call(`${url}/api/auth/api-key/self`, { key: apiKey });
    const unknown = (url: string) => call(`${url}/api/apps/1`, { token: ann.accessToken });
    expect(statuses(await times(4, summary))).toEqual([200, 200, 200, 200]);
    expect(statuses([...(await times(2, self)), ...(await times(2, unknown))])).toEqual([200, 200, 404, 404]);
    for (const ask of [me(ann), summary, self, unknown]) {
      const [{ status, headers, body }] = (await times(1, ask)) as [Answer];
      expect([status, body.code, body.detail]).toEqual([
        429,
        'rate_limited',
        `The limit is 12 requests that read a minute for this account. Try again in ${headers.get('retry-after')} s.`,
      ]);
      expect(headers.get('ratelimit-remaining')).toBe('0');
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    // Neither what changes something, nor events, nor anybody else.
    expect((await call(`${stack.url}/api/apps`, { token: ann.accessToken, body: { name: 'Second' } })).status).toBe(
      201,
    );
    expect((await call(`${stack.url}/collect`, { key: app.apiKey, body: { event: 'x' } })).status).toBe(202);
    expect((await me(await signIn(stack.url, 'other@x.test'))(stack.url)).status).toBe(200);
  });

  test('whoever copies a public key from a web page uses up nothing of its owner', async () => {
    const ann = await signIn(stack.url, 'public@x.test');
    const app = await registerApp(stack.url, ann);
    const self = (url: string) => call(`${url}/api/auth/api-key/self`, { key: app.apiKey });
    expect(statuses(await times(13, self))).toEqual([...Array<number>(12).fill(200), 429]);
    expect(statuses(await times(2, me(ann)))).toEqual([200, 200]);
  });

  test('many requests of one account at once hold up nobody else', async () => {
    const [busy, other] = [await signIn(stack.url, 'busy@x.test'), await signIn(stack.url, 'calm@x.test')];
    const flood = Array.from({ length: 300 }, () => me(busy)(stack.url));
    const begun = performance.now();
    expect((await me(other)(stack.url)).status).toBe(200);
    // A request that waited for the busy account's window would take up to a minute. A loaded machine takes some 2 s to open
    // 300 connections, which the other person's request waits for too.
    expect(performance.now() - begun).toBeLessThan(10_000);
    const answers = await Promise.all(flood);
    expect(new Set(statuses(answers))).toEqual(new Set([200, 429]));
  });

  test('changes count by themselves, whatever becomes of them', async () => {
    const ann = await signIn(stack.url, 'changes@x.test');
    const bad = (url: string) => call(`${url}/api/apps`, { token: ann.accessToken, body: {} });
    const remove = (url: string) => call(`${url}/api/apps/1`, { method: 'DELETE', token: ann.accessToken });
    expect(statuses([...(await times(4, bad)), ...(await times(4, remove))])).toEqual([
      400, 400, 400, 400, 404, 404, 404, 404,
    ]);
    const [refused] = (await times(1, bad)) as [Answer];
    expect([refused.status, refused.headers.get('ratelimit-limit')]).toEqual([429, '8']);
    expect(statuses(await times(1, me(ann)))).toEqual([200]);
  });

  test('new keys in place of old ones have a limit of their own, and count as changes too', async () => {
    const ann = await signIn(stack.url, 'regenerate@x.test');
    let { keyId } = await registerApp(stack.url, ann);
    const regenerate = async (url: string) => {
      const answer = await call(`${url}/api/auth/regenerate`, { token: ann.accessToken, body: { keyId } });
      keyId = answer.body.keyId ?? keyId;
      return answer;
    };
    const answers = await times(4, regenerate);
    expect(statuses(answers)).toEqual([201, 201, 201, 429]);
    expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0', '0']);
    expect(answers[3]!.body.detail).toContain('3 keys in place of old ones a minute');
    expect((await call(`${stack.url}/api/apps`, { token: ann.accessToken, body: { name: 'x' } })).status).toBe(201);
  });

  test('who is not let in takes nothing of an account', async () => {
    const ann = await signIn(stack.url, 'outside@x.test');
    const app = await registerApp(stack.url, ann);
    const denied = (url: string) => call(`${url}/api/analytics/event-summary`, { key: app.apiKey });
    expect(new Set(statuses(await times(LIMITS.reads + 3, denied)))).toEqual(new Set([403]));
    expect(statuses(await times(1, me(ann)))).toEqual([200]);
  });

  test('while Redis is away, people can go on, within the limits of each process', async () => {
    const ann = await signIn(stack.url, 'away@x.test');
    const { path, host, port } = stack.env.redis;
    const relay = await Relay.to(path ? { path } : { host, port: port! });
    try {
      const api = await stack.startApi({ REDIS_URL: `redis://127.0.0.1:${relay.port}` });
      await relay.cut();
      const answers: Answer[] = [];
      while (answers.length <= LIMITS.reads) answers.push(await me(ann)(api.url));
      expect(statuses(answers)).toEqual([...Array.from({ length: LIMITS.reads }, () => 200), 429]);
    } finally {
      await relay.cut();
    }
  });
});
