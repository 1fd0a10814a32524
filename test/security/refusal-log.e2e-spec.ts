import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { holding } from '../support/locks.js';
import { JSON_ONLY } from '../support/sign-ins.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { forge, takeApart } from './forged-tokens.js';

const USER_SECRET = 'the secret of user tokens which is long enough for this';
const KEY_SECRET = 'the secret of analytics tokens which is long enough for this';
const AT_ONCE = 200;

describe('the log', () => {
  let stack: Stack;
  let ann: Signed;
  let app: Awaited<ReturnType<typeof registerApp>>;
  let read: Awaited<ReturnType<typeof createKey>>;
  beforeAll(async () => {
    stack = await startStack({
      workers: 0,
      env: {
        USER_TOKEN_SECRET: USER_SECRET,
        KEY_TOKEN_SECRET: KEY_SECRET,
        SIGN_IN_ALLOW: '@x.test',
        RATE_LIMITS: 'key=50,signin=10000',
      },
    });
    ann = await signIn(stack.url, 'ann@x.test');
    app = await registerApp(stack.url, ann);
    read = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
  });
  afterAll(() => stack?.stop());

  /** The line of a request, which is written when it was answered. */
  const lineOf = async (headers: Headers): Promise<Record<string, unknown>> => {
    const requestId = headers.get('x-request-id');
    const find = () =>
      stack.apis[0]!.process.records.find((record) => record.requestId === requestId && record.route !== undefined);
    await until(() => find() !== undefined, `the line of ${requestId}`);
    const { msg, code, keyId, accountId } = find()!;
    return { msg, code, keyId, accountId };
  };
  const ask = (path: string, how: { token?: string; key?: string; body?: unknown }) => call(`${stack.url}${path}`, how);
  const expired = (token: string, secret: string) => {
    const { header, claims } = takeApart(token);
    return forge({ header, claims: { ...claims, iat: 1, exp: 2 } }, secret);
  };
  const nobody = { keyId: undefined, accountId: undefined };

  test('calls a refused token so, with its code, and key or account where the signature is good', async () => {
    const gone = await signIn(stack.url, 'gone@x.test');
    await call(`${stack.url}/api/auth/logout`, { token: gone.accessToken, body: {} });
    const revoked = await createKey(stack.url, ann, { appId: app.id });
    await ask('/api/auth/revoke', { token: ann.accessToken, body: { keyId: revoked.keyId } });
    const body = { event: 'x' };
    const accountId = ann.user.id;
    const forged = forge(takeApart(app.apiKey), `${KEY_SECRET}x`);
    for (const [path, how, line] of [
      ['/api/auth/me', { token: 'garbage' }, { code: 'key_malformed', ...nobody }],
      ['/collect', { key: forged, body }, { code: 'key_malformed', ...nobody }],
      ['/collect', { body: { ...body, apiKey: forged } }, { code: 'key_malformed', ...nobody }],
      ['/api/auth/me', { token: app.apiKey }, { code: 'wrong_token_kind', ...nobody }],
      ['/api/auth/me', { token: expired(ann.accessToken, USER_SECRET) }, { code: 'key_expired', accountId }],
      ['/collect', { key: expired(app.apiKey, KEY_SECRET), body }, { code: 'key_expired', keyId: app.keyId }],
      ['/collect', { key: revoked.apiKey, body }, { code: 'key_revoked', keyId: revoked.keyId, accountId }],
      ['/api/auth/me', { token: gone.accessToken }, { code: 'key_revoked', accountId: gone.user.id }],
      [
        '/api/auth/refresh',
        { body: { refreshToken: gone.refreshToken } },
        { code: 'key_revoked', accountId: gone.user.id },
      ],
    ] as [string, Parameters<typeof ask>[1], Record<string, unknown>][]) {
      const { status, headers } = await ask(path, how);
      expect([path, status]).toEqual([path, 401]);
      expect(await lineOf(headers)).toEqual({ msg: 'token refused', keyId: undefined, accountId: undefined, ...line });
    }
    const none = await ask('/api/auth/me', {});
    expect(await lineOf(none.headers)).toEqual({ msg: 'request', code: 'key_missing', ...nobody });
  });

  test('names key and account of a request that was refused for another reason', async () => {
    const accountId = ann.user.id;
    const [write, reads] = [
      { keyId: app.keyId, accountId },
      { keyId: read.keyId, accountId },
    ];
    for (const [path, how, status, line] of [
      ['/collect', { key: app.apiKey, body: {} }, 400, { code: 'invalid_input', ...write }],
      ['/collect', { key: read.apiKey, body: { event: 'x' } }, 403, { code: 'scope_missing', ...reads }],
      ['/api/apps/nonsense', { token: ann.accessToken }, 404, { code: 'not_found', keyId: undefined, accountId }],
      ['/api/analytics/event-summary?startDate=x', { key: read.apiKey }, 400, { code: 'invalid_input', ...reads }],
    ] as [string, Parameters<typeof ask>[1], number, Record<string, unknown>][]) {
      const answer = await ask(path, how);
      expect([path, answer.status]).toEqual([path, status]);
      expect(await lineOf(answer.headers)).toEqual({ msg: 'request', ...line });
    }
    const body = { events: Array.from({ length: 50 }, () => ({ event: 'x' })) };
    const posts = await Promise.all([1, 2, 3].map(() => ask('/collect/batch', { key: app.apiKey, body })));
    const limited = posts.find(({ status }) => status === 429);
    expect(await lineOf(limited!.headers)).toEqual({ msg: 'request', code: 'rate_limited', ...write });
  });

  test('calls a slow request so, and names its account', async () => {
    const id = Buffer.from(ann.user.id.replaceAll('-', ''), 'hex');
    const from = Date.now();
    const answer = await holding(
      stack,
      (lock) => lock.query('SELECT id FROM users WHERE id = ? FOR UPDATE', [id]),
      async (lock) => {
        const registered = ask('/api/apps', { token: ann.accessToken, body: { name: 'Slow' } });
        await until(() => Date.now() - from > 1200, 'a second to go by');
        await lock.rollbackTransaction();
        return registered;
      },
    );
    expect(answer.status).toBe(201);
    expect(await lineOf(answer.headers)).toMatchObject({ msg: 'slow request', accountId: ann.user.id });
  });

  test('calls a failed sign-in so, with its code', async () => {
    const begin = async (query = '') => {
      const { headers } = await call(`${stack.url}/api/auth/google${query}`);
      const state = new URL(headers.get('location')!).searchParams.get('state');
      return { state, cookie: headers.getSetCookie()[0]!.split(';')[0]! };
    };
    const callback = (query: string, cookie = '') =>
      call(`${stack.url}/api/auth/google/callback?${query}`, { headers: { ...JSON_ONLY, cookie } });
    const flow = await begin();
    const server = await begin();
    for (const [answer, code] of [
      [await callback('code=x&state=forged'), 'sign_in_state'],
      [await callback(''), 'sign_in_state'],
      [await callback(`error=access_denied&state=${flow.state}`, flow.cookie), 'sign_in_cancelled'],
      [await callback(`error=server_error&state=${server.state}`, server.cookie), 'sign_in_refused'],
    ] as const) {
      expect(await lineOf(answer.headers)).toEqual({ msg: 'sign-in failed', code, ...nobody });
    }
    await expect(signIn(stack.url, 'eve@y.test')).rejects.toThrow('sign_in_not_allowed');
    await stack.query('UPDATE users SET locked_at = UTC_TIMESTAMP(3) WHERE email = ?', ['gone@x.test']);
    await expect(signIn(stack.url, 'gone@x.test')).rejects.toThrow('account_locked');
    const failed = (code: string) =>
      stack.apis[0]!.process.records.find((record) => record.msg === 'sign-in failed' && record.code === code);
    await until(() => Boolean(failed('sign_in_not_allowed') && failed('account_locked')), 'both lines');
    expect(failed('account_locked')!.accountId).toBeDefined();
  });

  test(`writes at most 20 lines a second of ${AT_ONCE} refused tokens, and counts the others`, async () => {
    const { process } = stack.apis[0]!;
    const before = process.records.length;
    const from = Date.now();
    await Promise.all(Array.from({ length: AT_ONCE }, () => ask('/api/auth/me', { token: 'garbage' })));
    const said = () => process.records.slice(before);
    const lines = () => said().filter(({ msg }) => msg === 'token refused').length;
    const leftOut = () => said().reduce((sum, record) => sum + Number(record.leftOut ?? 0), 0);
    await until(() => lines() + leftOut() === AT_ONCE, 'every token to be accounted for');
    expect(lines()).toBeLessThanOrEqual(20 * Math.ceil((Date.now() - from) / 1000 + 1));
    expect(leftOut()).toBeGreaterThan(0);
  });

  test('tells what was wrong with a key that is answered 429, since too many were refused', async () => {
    const { url, process } = await stack.startApi({ RATE_LIMITS: 'refused_keys=1,signin=10000' });
    const revoked = await createKey(stack.url, ann, { appId: app.id });
    await ask('/api/auth/revoke', { token: ann.accessToken, body: { keyId: revoked.keyId } });
    const post = () => call(`${url}/collect`, { key: revoked.apiKey, body: { event: 'x' } });
    await until(async () => (await post()).status === 429, 'too many');
    const line = () => process.records.find(({ msg, status }) => msg === 'token refused' && status === 429);
    await until(() => line() !== undefined, 'the line');
    expect(line()).toMatchObject({ code: 'key_revoked', keyId: revoked.keyId, accountId: ann.user.id });
  });

  test('holds no token, cookie, e-mail or address', () => {
    const { text } = stack.apis[0]!.process;
    expect(text).not.toMatch(/eyJ[\w-]{10,}\./);
    expect(text).not.toMatch(/@x\.test|@y\.test|tallystone_session|garbage/);
  });
});
