import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { localProvider } from '../../src/auth/local-sign-in/local-provider-urls.js';
import { Env } from '../../src/config/env.js';
import { type Answer, Browser, call, registerApp, type Signed, signIn } from '../support/client.js';
import { type Fault, OpenIdProvider } from '../support/openid-provider.js';
import { rawCall } from '../support/raw-request.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';

const PUBLIC_HOST = 'stats.example.test';
const FOREIGN = 'evil.example';

let stack: Stack;
let provider: OpenIdProvider;
/** An API with the stand-in, one with a provider like Google, and one of those as people reach it by https. */
let local: string;
let google: string;
let https: string;

beforeAll(async () => {
  provider = await OpenIdProvider.start();
  stack = await startStack({ workers: 0 });
  local = stack.url;
  const real = { ...provider.variables, SIGN_IN_TIMEOUT_MS: '1000' };
  [google, https] = (
    await Promise.all([
      stack.startApi({ ...real, SIGN_IN_ALLOW: '@example.test,guest@elsewhere.test' }),
      stack.startApi({ ...real, SIGN_IN_ALLOW: 'ann@example.test', PUBLIC_URL: `https://${PUBLIC_HOST}` }),
    ])
  ).map((api) => api.url) as [string, string];
});
afterAll(async () => {
  await stack?.stop();
  await provider?.stop();
});

const JSON_ONLY = { accept: 'application/json' };
const PAGE = { accept: 'text/html,application/xhtml+xml' };
const ann = { sub: 'sub-ann', email: 'ann@example.test', email_verified: true, name: 'Ann' };

interface Flow {
  cookie: string;
  /** Where the provider sent the browser back to. */
  callback: URL;
}

/** A sign-in up to the moment when the browser comes back. */
async function begun(claims: Record<string, unknown> = ann, query = '', headers = JSON_ONLY): Promise<Flow> {
  provider.claims = claims;
  const started = await call(`${google}/api/auth/google${query}`, { headers });
  const cookie = started.headers.getSetCookie()[0]!.split(';')[0]!;
  const agreed = await call(started.headers.get('location')!);
  return { cookie, callback: new URL(agreed.headers.get('location')!) };
}

function comeBack({ cookie, callback }: Flow, headers: Record<string, string> = JSON_ONLY): Promise<Answer> {
  return call(callback.href, { headers: { cookie, ...headers } });
}

const signedIn = async (claims: Record<string, unknown> = ann): Promise<Signed> => {
  const answer = await comeBack(await begun(claims));
  if (answer.status !== 200) throw new Error(`Sign-in answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const me = (url: string, token: string) => call(`${url}/api/auth/me`, { token });
const refresh = (url: string, refreshToken: string) => call(`${url}/api/auth/refresh`, { body: { refreshToken } });
const outcome = ({ status, body }: Answer) => `${status} ${body.code}`;
const count = async (table: string) =>
  Number((await stack.query<{ n: string }>(`SELECT COUNT(*) AS n FROM ${table}`))[0]!.n);
/** Cookies that were set with a value. */
const setCookies = (answer: Answer) => answer.headers.getSetCookie().filter((line) => !/^[^=]+=;/.test(line));

describe('state', () => {
  test.each<[string, (query: URLSearchParams) => void]>([
    ['missing', (query) => query.delete('state')],
    ['empty', (query) => query.set('state', '')],
    ['given twice', (query) => query.append('state', query.get('state')!)],
    ['cut short', (query) => query.set('state', query.get('state')!.slice(0, -1))],
    ['of another sign-in', (query) => query.set('state', 'A'.repeat(43))],
  ])('%s: 400, nobody is signed in, and the right one comes too late', async (_what, change) => {
    const flow = await begun();
    const sessions = await count('sessions');
    const wrong = new URL(flow.callback);
    change(wrong.searchParams);
    const answer = await comeBack({ ...flow, callback: wrong });
    expect(outcome(answer)).toBe('400 sign_in_state');
    expect(setCookies(answer)).toEqual([]);
    // What reached the store is used up; without a state the store is not asked.
    if (wrong.searchParams.get('state')) expect(outcome(await comeBack(flow))).toBe('400 sign_in_state');
    expect((await count('sessions')) - sessions).toBe(0);
  });

  test('another browser’s: 400 without its cookie and with one’s own, and a page for people', async () => {
    const [victim, other] = [await begun(), await begun()];
    expect(outcome(await comeBack({ ...victim, cookie: '' }))).toBe('400 sign_in_state');
    const page = await comeBack({ ...victim, cookie: other.cookie }, PAGE);
    expect([page.status, page.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    expect(page.body).toContain('begun in another browser');
    expect((await comeBack(victim)).status).toBe(200);
  });

  test('good once: of four that come at once one is signed in', async () => {
    const flow = await begun();
    const answers = await Promise.all(Array.from({ length: 4 }, () => comeBack(flow)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
  });

  test('good for ten minutes', async () => {
    const flow = await begun();
    await stack.query('UPDATE sign_in_flows SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND');
    expect(outcome(await comeBack(flow))).toBe('400 sign_in_state');
  });
});

describe('PKCE', () => {
  test('the stand-in gives no token for a code without its verifier, or with another', async () => {
    const { clientId, clientSecret, tokenUrl } = localProvider(
      Env.load('api', { ...stack.variables, PORT: new URL(local).port }),
    );
    const exchange = async (verifier: (right: string) => string | undefined) => {
      const browser = new Browser();
      let at = `${local}/api/auth/google?login_hint=ann@example.test`;
      while (!at.includes('/callback?')) {
        const hop = await call(at, { headers: { cookie: browser.cookieHeader } });
        browser.keep(hop.headers);
        at = new URL(hop.headers.get('location')!, at).href;
      }
      const [flow] = await stack.query<{ verifier: string }>('SELECT verifier FROM sign_in_flows WHERE state = ?', [
        new URL(at).searchParams.get('state'),
      ]);
      const given = verifier(flow!.verifier);
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(at).searchParams.get('code')!,
        redirect_uri: `${local}/api/auth/google/callback`,
        client_id: clientId,
        client_secret: clientSecret,
        ...(given === undefined ? {} : { code_verifier: given }),
      });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const { status, body } = await call(tokenUrl, { body: form.toString(), headers });
      return [status, body.error ?? body.token_type];
    };
    expect(await exchange(() => undefined)).toEqual([400, 'invalid_grant']);
    expect(await exchange((right) => `${right.slice(0, -1)}${right.endsWith('A') ? 'B' : 'A'}`)).toEqual([
      400,
      'invalid_grant',
    ]);
    expect(await exchange((right) => right)).toEqual([200, 'Bearer']);
  });

  test('the stand-in’s client secret does not follow from what a token shows', async () => {
    const { clientSecret } = localProvider(Env.load('api', stack.variables));
    const { createHash } = await import('node:crypto');
    const [header] = (await signIn(local)).accessToken.split('.');
    const { kid } = JSON.parse(Buffer.from(header!, 'base64url').toString());
    const derived = createHash('sha256').update(`tallystone local sign-in\0${kid}`).digest('hex');
    expect(clientSecret).not.toBe(derived);
  });

  test('a code that somebody else’s verifier belongs to is a clear page', async () => {
    const [mine, stolen] = [await begun(), await begun()];
    mine.callback.searchParams.set('code', stolen.callback.searchParams.get('code')!);
    expect(outcome(await comeBack(mine))).toBe('400 sign_in_failed');
  });
});

describe('identity is (provider, sub)', () => {
  test('the same e-mail with another sub is another person, who sees nothing of the first', async () => {
    const first = await signedIn();
    await registerApp(google, first);
    const second = await signedIn({ ...ann, sub: 'sub-ann-2' });
    expect(second.user.email).toBe(first.user.email);
    expect(second.user.id).not.toBe(first.user.id);
    const apps = async (who: Signed) => (await call(`${google}/api/apps`, { token: who.accessToken })).body.data;
    expect([(await apps(first)).length, await apps(second)]).toEqual([1, []]);
  });

  test('the same sub with another e-mail is the same person, under the new one', async () => {
    const before = await signedIn({ ...ann, sub: 'moves', email: 'old@example.test' });
    const after = await signedIn({ ...ann, sub: 'moves', email: 'new@example.test' });
    expect(after.user).toMatchObject({ id: before.user.id, email: 'new@example.test' });
  });

  test('a sub in other letters is another person', async () => {
    const [lower, upper] = [await signedIn({ ...ann, sub: 'abc' }), await signedIn({ ...ann, sub: 'ABC' })];
    expect(upper.user.id).not.toBe(lower.user.id);
  });

  test('the stand-in’s people are not the provider’s, whatever their sub', async () => {
    const { user } = await signIn(local);
    const [row] = await stack.query<{ subject: string }>('SELECT subject FROM users WHERE id = UNHEX(?)', [
      user.id.replaceAll('-', ''),
    ]);
    expect((await signedIn({ ...ann, sub: row!.subject })).user.id).not.toBe(user.id);
  });
});

describe('who is let in', () => {
  const refused = async (claims: Record<string, unknown>): Promise<Answer> => {
    const [users, sessions] = [await count('users'), await count('sessions')];
    const page = await comeBack(await begun(claims), PAGE);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(setCookies(page)).toEqual([]);
    expect([await count('users'), await count('sessions')]).toEqual([users, sessions]);
    return page;
  };

  test.each<[string, Record<string, unknown>]>([
    ['email_verified: false', { email_verified: false }],
    ['email_verified: "false"', { email_verified: 'false' }],
    ['email_verified: 1', { email_verified: 1 }],
    ['no email_verified', { email_verified: undefined }],
    ['no e-mail', { email: undefined }],
    ['an e-mail that is a list', { email: ['ann@example.test'] }],
    ['an e-mail longer than 320', { email: `${'a'.repeat(320)}@example.test` }],
  ])('%s is refused, and leaves no row', async (_what, claims) => {
    const page = await refused({ ...ann, sub: 'unverified', ...claims });
    expect([page.status, page.body]).toEqual([403, expect.stringContaining('no verified e-mail')]);
  });

  test.each<[string, unknown]>([
    ['none', undefined],
    ['a number', 7],
    ['an object', { id: 7 }],
    ['longer than 255', 'x'.repeat(256)],
    ['with a space at its end', 'sub-ann '],
  ])('a sub that is %s is nobody: a clear page, no row', async (_what, sub) => {
    const page = await refused({ ...ann, sub });
    expect([page.status, page.body]).toEqual([503, expect.stringContaining('does not say who you are')]);
  });

  test.each(['eve@elsewhere.test', 'guest@elsewhere.test.evil.example', 'eve@sub.example.test', 'eve@notexample.test'])(
    '%s is outside SIGN_IN_ALLOW: a 403 page that says whom to ask, no row stored',
    async (email) => {
      const page = await refused({ ...ann, sub: email, email });
      expect(page.status).toBe(403);
      expect(page.body).toContain('Ask whoever runs this installation');
      expect(page.body).toContain('SIGN_IN_ALLOW');
    },
  );

  test('who is named is let in, in whatever letters', async () => {
    expect((await signedIn({ ...ann, sub: 'guest', email: 'Guest@Elsewhere.test' })).user.email).toBe(
      'Guest@Elsewhere.test',
    );
  });

  test('who is taken out of SIGN_IN_ALLOW is out at the next start, renewal included', async () => {
    const [stays, goes] = [await signedIn(), await signedIn({ ...ann, sub: 'goes', email: 'goes@example.test' })];
    expect((await me(https, stays.accessToken)).status).toBe(200);
    expect(outcome(await me(https, goes.accessToken))).toBe('401 key_revoked');
    expect(outcome(await refresh(https, goes.refreshToken))).toBe('401 key_revoked');
    expect((await me(google, goes.accessToken)).status).toBe(200);
  });
});

describe('a provider in trouble is a clear page, never a 500', () => {
  const say =
    (status: number, body: string, headers = {}): Fault =>
    (response) =>
      response.writeHead(status, headers).end(body);
  const hangUp: Fault = (response: ServerResponse) => response.destroy();
  const silence: Fault = () => undefined;

  test.each<[string, OpenIdProvider['faults'], number]>([
    ['the code is refused', { token: say(400, '{"error":"invalid_grant"}') }, 400],
    ['the token address fails', { token: say(500, '<h1>oops</h1>') }, 503],
    ['its answer is no JSON', { token: say(200, '<h1>fine</h1>') }, 503],
    ['its answer is null', { token: say(200, 'null') }, 503],
    ['it hangs up', { token: hangUp }, 503],
    ['it says nothing', { token: silence }, 503],
    ['userinfo fails', { userinfo: say(500, 'oops') }, 503],
    ['userinfo refuses the token', { userinfo: say(401, '{"error":"invalid_token"}') }, 503],
    ['userinfo is no JSON', { userinfo: say(200, 'fine') }, 503],
    ['userinfo is null', { userinfo: say(200, 'null') }, 503],
    ['userinfo leads elsewhere', { userinfo: say(302, '', { location: '/elsewhere' }) }, 503],
    ['userinfo hangs up', { userinfo: hangUp }, 503],
    ['userinfo says nothing', { userinfo: silence }, 503],
  ])('%s', async (_what, faults, status) => {
    const sessions = await count('sessions');
    const flow = await begun();
    provider.faults = faults;
    const page = await comeBack(flow, PAGE);
    provider.faults = {};
    expect([page.status, page.headers.get('content-type')]).toEqual([status, 'text/html; charset=utf-8']);
    expect(page.body).toMatch(/Sign in again/);
    expect(page.body).not.toMatch(/oops|fine|invalid_|TypeError|at Object|127\.0\.0\.1/);
    expect(setCookies(page)).toEqual([]);
    expect(await count('sessions')).toBe(sessions);
  });

  test('and afterwards people sign in as before', async () => {
    expect((await signedIn()).user.email).toBe(ann.email);
  });
});

describe('next', () => {
  const goesTo = async (next: string) => {
    const answer = await comeBack(await begun(ann, `?next=${encodeURIComponent(next)}`, PAGE));
    return [answer.status, answer.headers.get('location')];
  };

  test.each([
    `//${FOREIGN}`,
    `///${FOREIGN}`,
    `/\\${FOREIGN}`,
    `\\\\${FOREIGN}`,
    `\\/${FOREIGN}`,
    `https://${FOREIGN}`,
    `https:${FOREIGN}`,
    `https:/${FOREIGN}`,
    `http:///${FOREIGN}`,
    `javascript:alert(1)//`,
    `/\t/${FOREIGN}`,
    `/\n/${FOREIGN}`,
    `\t//${FOREIGN}`,
    ` //${FOREIGN}`,
    `/\r\nlocation: https://${FOREIGN}`,
    `/%2f${FOREIGN}`,
    `/%2F%2F${FOREIGN}`,
    `/%5c${FOREIGN}`,
    `/%255c${FOREIGN}`,
    `/%252f${FOREIGN}`,
    `%2f%2f${FOREIGN}`,
    `/%09/${FOREIGN}`,
    `/.//${FOREIGN}`,
    `/api-docs/..//${FOREIGN}`,
    `/%2e%2e//${FOREIGN}`,
    `/%2e%2e%2f/${FOREIGN}`,
    `.${FOREIGN}`,
    `@${FOREIGN}`,
    `/${'ü'.repeat(2000)}`,
  ])('what could lead elsewhere, or is too long, goes to / instead (%#)', async (next) => {
    expect(await goesTo(next)).toEqual([303, '/']);
  });

  test('given twice, neither counts', async () => {
    const answer = await comeBack(await begun(ann, `?next=/api-docs&next=//${FOREIGN}`, PAGE));
    expect(answer.headers.get('location')).toBe('/');
  });

  test.each(['/api-docs', '/?app=a%20b&range=7d#top', '/search?q=%2Fx'])('own paths are kept: %s', async (next) => {
    expect(await goesTo(next)).toEqual([303, next]);
  });

  test('what comes back with the browser does not change it', async () => {
    const flow = await begun(ann, '?next=/api-docs', PAGE);
    flow.callback.searchParams.set('next', `//${FOREIGN}`);
    expect((await comeBack(flow)).headers.get('location')).toBe('/api-docs');
  });
});

describe('local sign-in is refused', () => {
  const deploy = (file: string) => readFileSync(join(process.cwd(), 'deploy', file), 'utf8');
  const values: Record<string, string> = {
    $host: 'stats.example.com',
    $remote_addr: '203.0.113.7',
    $scheme: 'https',
    '{remote_host}': '203.0.113.7',
  };
  /** What the examples add, with what the proxy would put in. */
  const added = (config: string, directive: RegExp): Record<string, string> => {
    const headers = [...config.matchAll(directive)].map(([, name, value]): [string, string] => [
      name!.toLowerCase(),
      values[value!] ?? value!.replaceAll('"', ''),
    ]);
    return Object.fromEntries(headers.filter(([, value]) => value !== ''));
  };
  const nginx = added(deploy('nginx.conf'), /proxy_set_header\s+(\S+)\s+([^;]+);/g);
  const caddy = {
    // Caddy's own doing: Host is passed on, these are set.
    host: 'stats.example.com',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'stats.example.com',
    ...added(deploy('Caddyfile'), /header_up\s+(\S+)\s+(\S+)/g),
  };
  const onThisMachine = (headers: Record<string, string>) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'host'));

  test('the examples still say what this test reads from them', () => {
    expect(nginx).toEqual({
      host: 'stats.example.com',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
    });
    expect(caddy).toMatchObject({ 'x-forwarded-for': '203.0.113.7' });
  });

  test.each<[string, Record<string, string>]>([
    ['behind nginx as in deploy/', nginx],
    ['behind nginx as in deploy/, which lost Host', onThisMachine(nginx)],
    ['behind Caddy as in deploy/', caddy],
    ['behind Caddy as in deploy/, with a Host of this machine', onThisMachine(caddy)],
    ['at a name that leads here', { host: 'localhost.evil.example' }],
    ['at a name that is rebound to here', { host: `${FOREIGN}:80` }],
    ['at another address', { host: '192.0.2.1' }],
    ['at no address', { host: '0.0.0.0' }],
    ['with X-Forwarded-For alone', { 'x-forwarded-for': '127.0.0.1' }],
    ['with an empty X-Forwarded-For', { 'x-forwarded-for': '' }],
    ['with X-Forwarded-Proto alone', { 'x-forwarded-proto': 'http' }],
    ['with a X-Forwarded header nobody knows', { 'x-forwarded-anything': '1' }],
    ['with Forwarded', { forwarded: 'for=127.0.0.1' }],
  ])('%s', async (_what, headers) => {
    const sessions = await count('sessions');
    for (const path of [
      '/api/auth/google?login_hint=ann@example.test',
      '/auth/google?login_hint=ann@example.test&sent=1',
      '/api/auth/google/callback?code=x&state=x',
      '/local-sign-in/auth?client_id=tallystone-local',
      '/local-sign-in/interaction/x/finish?email=ann@example.test',
      '/local-sign-in/token',
    ]) {
      const answer = await rawCall(`${local}${path}`, { headers: { ...headers, ...JSON_ONLY } });
      expect([path, outcome(answer)]).toEqual([path, '403 local_sign_in_refused']);
      expect(answer.body.detail).toMatch(/only on this machine|through a proxy/);
    }
    expect(await count('sessions')).toBe(sessions);
  });

  test('at every name of this machine it answers', async () => {
    const { port } = new URL(local);
    for (const host of [`localhost:${port}`, `127.0.0.2:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
      const { status, headers } = await rawCall(`${local}/api/auth/google`, { headers: { host } });
      expect([host, status, new URL(headers.get('location')!).origin]).toEqual([host, 302, local]);
    }
  });

  test.each<[string, Record<string, string>]>([
    ['HOST 0.0.0.0', { HOST: '0.0.0.0' }],
    ['HOST ::', { HOST: '::' }],
    ['a PUBLIC_URL that others reach', { PUBLIC_URL: 'https://stats.example.com' }],
    ['NODE_ENV production', { NODE_ENV: 'production' }],
  ])('with %s: at start where it was asked for, else it is off', async (_what, variables) => {
    const asked = ServerProcess.start('main', { ...stack.variables, ...variables, LOCAL_SIGN_IN: 'true' });
    expect(await asked.ended()).toBe(1);
    expect(asked.text).toMatch(/^.*LOCAL_SIGN_IN is refused/m);
    const unasked = { ...stack.variables, ...variables, USER_TOKEN_SECRET: undefined };
    const production = { ...unasked, ...provider.variables, PUBLIC_URL: 'https://x.test', SIGN_IN_ALLOW: '*' };
    const secrets = { USER_TOKEN_SECRET: secret('user'), KEY_TOKEN_SECRET: secret('key') };
    const env = Env.load('api', variables.NODE_ENV ? { ...production, ...secrets } : unasked);
    expect(env.localSignIn).toBe(false);
  });

  test('where it is off nothing of it is there', async () => {
    for (const path of ['/local-sign-in/auth', '/local-sign-in/interaction/x', '/local-sign-in/token']) {
      expect([path, (await call(`${google}${path}`)).status]).toEqual([path, 404]);
    }
  });

  test('its sessions end with it: bearer, cookie and renewal', async () => {
    const guest = await signIn(local);
    expect((await me(local, guest.accessToken)).status).toBe(200);
    expect(outcome(await me(google, guest.accessToken))).toBe('401 key_revoked');
    expect(outcome(await refresh(google, guest.refreshToken))).toBe('401 key_revoked');
    const cookie = `tallystone_session_${new URL(google).port}=${guest.accessToken}`;
    expect(outcome(await call(`${google}/api/auth/me`, { headers: { cookie } }))).toBe('401 key_revoked');
    expect((await me(local, guest.accessToken)).status).toBe(200);
  });
});

function secret(name: string): string {
  return `${name} secret of a test which is longer than 32 bytes`;
}

describe('sessions', () => {
  test('tabs that race for a renewal all stay signed in', async () => {
    const { refreshToken } = await signedIn();
    const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(google, refreshToken)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    const [session] = await stack.query<{ generation: number }>(
      'SELECT generation FROM sessions ORDER BY rotated_at DESC LIMIT 1',
    );
    expect(session!.generation).toBe(2);
    for (const { body } of answers) expect((await me(google, body.accessToken)).status).toBe(200);
    expect((await refresh(google, answers[5]!.body.refreshToken)).status).toBe(200);
  });

  test('reuse after the 10 s ends the whole family: every token it ever gave', async () => {
    const first = await signedIn();
    const bystander = await signedIn();
    const second = (await refresh(google, first.refreshToken)).body;
    const raced = (await refresh(google, first.refreshToken)).body;
    const shift = (seconds: number) =>
      stack.query('UPDATE sessions SET rotated_at = rotated_at - INTERVAL ? SECOND WHERE id = UNHEX(?)', [
        seconds,
        sessionOf(first),
      ]);
    await shift(8);
    expect((await refresh(google, first.refreshToken)).status).toBe(200);
    await shift(3);
    const reused = await refresh(google, first.refreshToken);
    expect(outcome(reused)).toBe('401 key_revoked');
    expect(reused.body.detail).toContain('used before');
    for (const { refreshToken, accessToken } of [first, second, raced]) {
      expect(outcome(await refresh(google, refreshToken))).toBe('401 key_revoked');
      expect(outcome(await me(google, accessToken))).toBe('401 key_revoked');
    }
    expect((await me(google, bystander.accessToken)).status).toBe(200);
  });

  test('logout ends access and renewal at once, in every process, and nobody else’s', async () => {
    const [leaves, stays] = [await signedIn(), await signedIn()];
    expect((await me(https, leaves.accessToken)).status).toBe(200);
    expect((await call(`${google}/api/auth/logout`, { body: { refreshToken: leaves.refreshToken } })).status).toBe(204);
    for (const url of [google, https]) {
      expect(outcome(await me(url, leaves.accessToken))).toBe('401 key_revoked');
      expect(outcome(await refresh(url, leaves.refreshToken))).toBe('401 key_revoked');
      expect((await me(url, stays.accessToken)).status).toBe(200);
    }
  });

  test('deleting the account ends every sign-in of it at once', async () => {
    const claims = { ...ann, sub: 'leaves' };
    const [here, there] = [await signedIn(claims), await signedIn(claims)];
    expect((await call(`${google}/api/auth/me`, { method: 'DELETE', token: here.accessToken })).status).toBe(204);
    for (const { accessToken, refreshToken } of [here, there]) {
      expect(outcome(await me(https, accessToken))).toBe('401 key_revoked');
      expect(outcome(await refresh(google, refreshToken))).toBe('401 key_revoked');
    }
    expect((await signedIn(claims)).user.id).not.toBe(here.user.id);
  });
});

function sessionOf({ accessToken }: Signed): string {
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as { sid: string };
  return claims.sid.replaceAll('-', '');
}

describe('cookies', () => {
  test('on https: __Host-, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain', async () => {
    provider.claims = ann;
    const headers = { host: PUBLIC_HOST, ...PAGE };
    const started = await rawCall(`${https}/api/auth/google?next=/api-docs`, { headers });
    const agreed = await call(started.headers.get('location')!);
    const callback = new URL(agreed.headers.get('location')!);
    expect(callback.origin).toBe(`https://${PUBLIC_HOST}`);
    const [flow] = started.headers.getSetCookie();
    const back = await rawCall(https + callback.pathname + callback.search, {
      headers: { ...headers, cookie: flow!.split(';')[0]! },
    });
    expect([back.status, back.headers.get('location')]).toEqual([303, '/api-docs']);
    const lines = [flow!, ...setCookies(back)];
    expect(lines.map((line) => line.split('=')[0])).toEqual([
      '__Host-tallystone_flow',
      '__Host-tallystone_session',
      '__Host-tallystone_refresh',
    ]);
    for (const line of lines) {
      expect(line).toMatch(/; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
      expect(line).not.toMatch(/domain/i);
    }
    const cookie = lines.slice(1).map((line) => line.split(';')[0]);
    const renew = (origin: string) =>
      rawCall(`${https}/api/auth/refresh`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json', host: PUBLIC_HOST, cookie: cookie.join('; '), origin },
      });
    expect(outcome(await renew(`http://${PUBLIC_HOST}`))).toBe('403 origin_not_allowed');
    expect((await renew(`https://${PUBLIC_HOST}`)).status).toBe(200);
  });

  test('on http: the name ends in the port, HttpOnly, SameSite=Lax', async () => {
    const { port } = new URL(google);
    const answer = await comeBack(await begun(ann, '', PAGE));
    expect(setCookies(answer).map((line) => line.replace(/=[^;]*/, ''))).toEqual([
      `tallystone_session_${port}; Max-Age=900; Path=/; HttpOnly; SameSite=Lax`,
      `tallystone_refresh_${port}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax`,
    ]);
  });

  test('whatever changes something by cookie needs our own Origin; a bearer needs none', async () => {
    const { body: document } = await call(`${local}/api-docs-json`);
    const changing = Object.entries<Record<string, { security?: Record<string, unknown>[] }>>(document.paths).flatMap(
      ([path, item]) =>
        Object.entries(item)
          .filter(([method, { security = [] }]) => method !== 'get' && security.some((one) => 'userToken' in one))
          .map(([method]) => ({ path: path.replace(/\{\w+\}/g, crypto.randomUUID()), method: method.toUpperCase() })),
    );
    expect(changing.length).toBeGreaterThanOrEqual(10);
    const { port } = new URL(local);
    const own = await signIn(local);
    const cookie = Object.entries(own.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
    const foreign = [
      undefined,
      'null',
      `https://${FOREIGN}`,
      `${local}.${FOREIGN}`,
      `${local}/`,
      `https://127.0.0.1:${port}`,
      `http://localhost:${port}`,
      'http://127.0.0.1',
    ];
    for (const { path, method } of [
      ...changing,
      { path: '/api/auth/refresh', method: 'POST' },
      { path: '/api/auth/logout', method: 'POST' },
    ]) {
      const ask = (headers: Record<string, string>) =>
        call(`${local}${path}`, { method, headers, ...(method === 'DELETE' ? {} : { body: {} }) });
      for (const origin of foreign) {
        const answer = await ask({ cookie, ...(origin ? { origin } : {}) });
        expect([method, path, origin, outcome(answer)]).toEqual([method, path, origin, '403 origin_not_allowed']);
      }
      const someone = await signIn(local, 'someone@example.test');
      const bearer = await ask({ authorization: `Bearer ${someone.accessToken}`, origin: `https://${FOREIGN}` });
      expect([method, path, bearer.body?.code]).not.toEqual([method, path, 'origin_not_allowed']);
    }
    const accepted = await call(`${local}/api/apps`, { body: { name: 'Own' }, headers: { cookie, origin: local } });
    expect(accepted.status).toBe(201);
  });
});

describe('a browser at another host name', () => {
  const begin = (query: string, host: string) => rawCall(`${https}/api/auth/google${query}`, { headers: { host } });

  test('is sent once to PUBLIC_URL, with only next and login_hint and a mark', async () => {
    const { status, headers } = await begin(
      '?next=//evil.example&login_hint=ann@example.test&code=x&a=b',
      'other.test',
    );
    expect([status, headers.get('location')]).toEqual([
      302,
      `https://${PUBLIC_HOST}/api/auth/google?next=%2F%2Fevil.example&login_hint=ann%40example.test&sent=1`,
    ]);
    expect(headers.getSetCookie()).toEqual([]);
  });

  test('marked and still at another, its sign-in goes on, with one warning that names the proxy setting', async () => {
    for (const host of ['127.0.0.1:3000', 'other.test']) {
      const { status, headers } = await begin('?sent=1', host);
      expect([status, new URL(headers.get('location')!).origin]).toEqual([302, provider.url]);
    }
    const process = stack.apis.find((api) => api.url === https)!.process;
    const warnings = process.records.filter(({ msg }) => String(msg).includes('proxy_set_header Host $host'));
    expect(warnings).toHaveLength(1);
  });
});

test('docs/security.md says which proxy cannot be seen', () => {
  const text = readFileSync(join(process.cwd(), 'docs', 'security.md'), 'utf8').replace(/\s+/g, ' ');
  expect(text).toContain('a proxy that rewrites `Host` to loopback and adds no header');
});

test('no port of the product listens beyond loopback unless HOST says so', async () => {
  expect(Env.load('api', { ...stack.variables, PORT: String(await freePort()) }).host).toBe('127.0.0.1');
});
