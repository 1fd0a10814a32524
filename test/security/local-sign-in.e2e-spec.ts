import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Env } from '../../src/config/env.js';
import { Browser, call, signIn } from '../support/client.js';
import { oldCall, rawCall } from '../support/raw-request.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { FOREIGN, JSON_ONLY, me, outcome, refresh, SignIns } from '../support/sign-ins.js';

let signIns: SignIns;
beforeAll(async () => (signIns = await SignIns.start()));
afterAll(() => signIns?.stop());

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
    ['with Via', { via: '1.1 proxy' }],
    ['with an empty Via', { via: '' }],
    ['with X-Real-IP', { 'x-real-ip': '127.0.0.1' }],
    ['with True-Client-IP', { 'true-client-ip': '203.0.113.7' }],
    ['with CF-Connecting-IP', { 'cf-connecting-ip': '203.0.113.7' }],
  ])('%s', async (_what, headers) => {
    const sessions = await signIns.count('sessions');
    for (const path of [
      '/api/auth/google?login_hint=ann@example.test',
      '/auth/google?login_hint=ann@example.test&sent=1',
      '/api/auth/google/callback?code=x&state=x',
      '/local-sign-in/auth?client_id=tallystone-local',
      '/local-sign-in/interaction/x/finish?email=ann@example.test',
      '/local-sign-in/token',
    ]) {
      const answer = await rawCall(`${signIns.local}${path}`, { headers: { ...headers, ...JSON_ONLY } });
      expect([path, outcome(answer)]).toEqual([path, '403 local_sign_in_refused']);
      expect(answer.body.detail).toMatch(/only on this machine|through a proxy/);
    }
    expect(await signIns.count('sessions')).toBe(sessions);
  });

  test('by HTTP/1.0, which proxies speak and browsers do not', async () => {
    for (const path of [
      '/api/auth/google?login_hint=ann@example.test',
      '/local-sign-in/auth',
      '/local-sign-in/token',
    ]) {
      const answer = await oldCall(`${signIns.local}${path}`, JSON_ONLY);
      expect([path, answer.slice(0, 12)]).toEqual([path, 'HTTP/1.1 403']);
      expect(answer).toMatch(/through a proxy \(the request is HTTP\/1\.0\)/);
    }
    expect(await oldCall(`${signIns.local}/health`)).toMatch(/^HTTP\/1\.1 200/);
  });

  test('at every name of this machine it answers', async () => {
    const { port } = new URL(signIns.local);
    for (const host of [`localhost:${port}`, `127.0.0.2:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
      const { status, headers } = await rawCall(`${signIns.local}/api/auth/google`, { headers: { host } });
      expect([host, status, new URL(headers.get('location')!).origin]).toEqual([host, 302, signIns.local]);
    }
  });

  test.each<[string, Record<string, string>]>([
    ['HOST 0.0.0.0', { HOST: '0.0.0.0' }],
    ['HOST ::', { HOST: '::' }],
    ['a PUBLIC_URL that others reach', { PUBLIC_URL: 'https://stats.example.com' }],
    ['NODE_ENV production', { NODE_ENV: 'production' }],
  ])('with %s: at start where it was asked for, else it is off', async (_what, variables) => {
    const asked = ServerProcess.start('main', { ...signIns.stack.variables, ...variables, LOCAL_SIGN_IN: 'true' });
    expect(await asked.ended()).toBe(1);
    expect(asked.text).toMatch(/^.*LOCAL_SIGN_IN is refused/m);
    const unasked = { ...signIns.stack.variables, ...variables, USER_TOKEN_SECRET: undefined };
    const production = { ...unasked, ...signIns.provider.variables, PUBLIC_URL: 'https://x.test', SIGN_IN_ALLOW: '*' };
    const secrets = { USER_TOKEN_SECRET: secret('user'), KEY_TOKEN_SECRET: secret('key') };
    const env = Env.load('api', variables.NODE_ENV ? { ...production, ...secrets } : unasked);
    expect(env.localSignIn).toBe(false);
  });

  test('where it is off nothing of it is there', async () => {
    for (const path of ['/local-sign-in/auth', '/local-sign-in/interaction/x', '/local-sign-in/token']) {
      expect([path, (await call(`${signIns.google}${path}`)).status]).toEqual([path, 404]);
    }
  });

  test('its sessions end with it: bearer, cookie and renewal', async () => {
    const guest = await signIn(signIns.local);
    expect((await me(signIns.local, guest.accessToken)).status).toBe(200);
    expect(outcome(await me(signIns.google, guest.accessToken))).toBe('401 key_revoked');
    expect(outcome(await refresh(signIns.google, guest.refreshToken))).toBe('401 key_revoked');
    const cookie = `tallystone_session_${new URL(signIns.google).port}=${guest.accessToken}`;
    expect(outcome(await call(`${signIns.google}/api/auth/me`, { headers: { cookie } }))).toBe('401 key_revoked');
    expect((await me(signIns.local, guest.accessToken)).status).toBe(200);
  });
});

describe('a browser that another web site sent to sign in', () => {
  const begin = (headers: Record<string, string>, hint = 'mallory.evil@example.test') =>
    new Browser().open(`${signIns.local}/api/auth/google?login_hint=${encodeURIComponent(hint)}`, headers);

  test.each(['cross-site', 'same-site'])('%s: is asked for a click', async (site) => {
    const sessions = await signIns.count('sessions');
    const browser = new Browser();
    const start = `${signIns.local}/api/auth/google?login_hint=mallory.evil@example.test`;
    const shown = await browser.open(start, { 'sec-fetch-site': site });
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(shown.body).toContain('Another web site sent you here');
    expect(shown.body).toContain('value="mallory.evil@example.test"');
    expect(await signIns.count('sessions')).toBe(sessions);
    const form = /action="([^"]+)"/.exec(shown.body as string)![1]!;
    const finish = `${signIns.local}${form}?email=mallory.evil@example.test`;
    expect(outcome(await browser.open(finish, { 'sec-fetch-site': site, ...JSON_ONLY }))).toBe(
      '403 cross_site_request',
    );
    expect(await signIns.count('sessions')).toBe(sessions);
    // The click in the page: it goes on to the dashboard, signed in.
    expect((await browser.open(finish, { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect(await signIns.count('sessions')).toBe(sessions + 1);
    const { body } = await call(`${signIns.local}/api/auth/me`, { headers: { cookie: browser.cookieHeader } });
    expect(body.email).toBe('mallory.evil@example.test');
  });

  test.each<[string, Record<string, string>]>([
    ['typed or bookmarked', { 'sec-fetch-site': 'none' }],
    ['from our own page', { 'sec-fetch-site': 'same-origin' }],
    ['by a program', {}],
  ])('%s: is signed in by the hint alone', async (_what, headers) => {
    expect((await begin({ ...headers, ...JSON_ONLY })).status).toBe(200);
  });

  test('a hint is no HTML', async () => {
    const { body } = await begin({ 'sec-fetch-site': 'cross-site' }, '"><script>alert(1)</script>@x.test');
    expect(body).not.toContain('<script>alert');
  });
});

function secret(name: string): string {
  return `${name} secret of a test which is longer than 32 bytes`;
}

test('docs/security.md says which proxy cannot be seen', () => {
  const text = readFileSync(join(process.cwd(), 'docs', 'security.md'), 'utf8').replace(/\s+/g, ' ');
  expect(text).toContain('a proxy that rewrites `Host` to loopback and adds no header');
});

test('no port of the product listens beyond loopback unless HOST says so', async () => {
  expect(Env.load('api', { ...signIns.stack.variables, PORT: String(await freePort()) }).host).toBe('127.0.0.1');
});
