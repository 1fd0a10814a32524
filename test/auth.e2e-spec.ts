import { Browser, call, registerApp, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

describe('sign-in', () => {
  let stack: Stack;
  let begin: string;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    begin = `${stack.url}/api/auth/google`;
  });
  afterAll(() => stack?.stop());

  const port = () => new URL(stack.url).port;
  const me = (options: Parameters<typeof call>[1]) => call(`${stack.url}/api/auth/me`, options);
  const refresh = (refreshToken: string) => call(`${stack.url}/api/auth/refresh`, { body: { refreshToken } });

  test('with login_hint and Accept: application/json answers the tokens, without a page', async () => {
    const ann = await signIn(stack.url);
    expect(ann).toMatchObject({ expiresIn: 900, user: { email: 'ann@example.test', name: 'Ann', provider: 'local' } });
    const { status, body } = await me({ token: ann.accessToken });
    expect(status).toBe(200);
    expect(body).toEqual(ann.user);
  });

  test('the same person comes back as the same user, whatever the letters of the e-mail', async () => {
    const [first, second] = [await signIn(stack.url), await signIn(stack.url, 'Ann@Example.test')];
    expect(second.user.id).toBe(first.user.id);
    const [row] = await stack.query<{ email: string }>('SELECT email FROM users WHERE id = UNHEX(?)', [
      first.user.id.replaceAll('-', ''),
    ]);
    expect(row!.email).toBe('Ann@Example.test');
  });

  test('a browser gets a page that takes any name and e-mail, HttpOnly cookies, and goes on to next', async () => {
    const browser = new Browser();
    const shown = await browser.open(`${begin}?next=/api-docs`, { accept: 'text/html' });
    expect(shown.status).toBe(200);
    expect(shown.body).toContain('Anyone who reaches this port can sign in as anyone');
    const action = /action="([^"]+)"/.exec(shown.body)![1]!;
    const before = Object.keys(browser.cookies);
    const answer = await call(`${stack.url}${action}?email=eve@example.test&name=Eve`, {
      headers: { cookie: browser.cookieHeader },
    });
    expect([answer.status, before.length > 0]).toEqual([303, true]);
    let at = new URL(answer.headers.get('location')!, stack.url).href;
    let last = answer;
    while (last.status >= 300 && last.status < 400 && !at.endsWith('/api-docs')) {
      last = await call(at, { headers: { cookie: browser.cookieHeader } });
      browser.keep(last.headers);
      at = new URL(last.headers.get('location') ?? '', at).href;
    }
    expect(at).toBe(`${stack.url}/api-docs`);
    const [session] = last.headers.getSetCookie().filter((line) => line.startsWith(`tallystone_session_${port()}=`));
    expect(session).toMatch(/Max-Age=900; Path=\/; HttpOnly; SameSite=Lax/);
    expect((await me({ headers: { cookie: browser.cookieHeader } })).body).toMatchObject({
      email: 'eve@example.test',
      name: 'Eve',
    });
  });

  test('state: missing, made up, reused or of another browser is a 400', async () => {
    const victim = new Browser();
    const started = await call(`${begin}?login_hint=ann@example.test`);
    victim.keep(started.headers);
    let at = started.headers.get('location')!;
    while (!at.includes('/callback')) {
      const hop = await call(at, { headers: { cookie: victim.cookieHeader } });
      victim.keep(hop.headers);
      at = new URL(hop.headers.get('location')!, at).href;
    }
    const callback = new URL(at);
    const tryWith = (cookie: string, change: (query: URLSearchParams) => void = () => undefined) => {
      const url = new URL(callback);
      change(url.searchParams);
      return call(url.href, { headers: { cookie, accept: 'application/json' } });
    };
    const attempts = [
      await tryWith('', () => undefined),
      await tryWith(victim.cookieHeader, (query) => query.delete('code')),
      await tryWith(`tallystone_flow_${port()}=made-up`),
    ];
    expect(attempts.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([400, 'sign_in_state']));
    const good = await tryWith(victim.cookieHeader);
    expect(good.status).toBe(303);
    const reused = await tryWith(victim.cookieHeader);
    expect([reused.status, reused.body.code]).toEqual([400, 'sign_in_state']);
  });

  test('a state of one’s own does not fit a foreign cookie', async () => {
    const [a, b] = [
      await call(`${begin}?login_hint=ann@example.test`),
      await call(`${begin}?login_hint=bob@example.test`),
    ];
    const cookie = a.headers.getSetCookie()[0]!.split(';')[0]!;
    const state = new URL(b.headers.get('location')!).searchParams.get('state');
    const answer = await call(`${begin}/callback?code=x&state=${state}`, {
      headers: { cookie, accept: 'application/json' },
    });
    expect([answer.status, answer.body.code]).toEqual([400, 'sign_in_state']);
  });

  test('the stand-in insists on PKCE, and a wrong code is a clear page, not a 500', async () => {
    const started = await call(`${begin}?login_hint=ann@example.test`);
    const url = new URL(started.headers.get('location')!);
    expect(url.searchParams.get('code_challenge_method')).toBe('S256');
    url.searchParams.delete('code_challenge');
    url.searchParams.delete('code_challenge_method');
    const refused = await call(url.href);
    expect(refused.headers.get('location')).toContain('error=invalid_request');
    const cookie = started.headers.getSetCookie()[0]!.split(';')[0]!;
    const state = url.searchParams.get('state');
    const page = await call(`${begin}/callback?code=wrong&state=${state}`, {
      headers: { cookie, accept: 'text/html' },
    });
    expect(page.status).toBe(400);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).toContain('Sign in again');
  });

  test('consent refused is said plainly', async () => {
    const answer = await call(`${begin}/callback?error=access_denied`, { headers: { accept: 'application/json' } });
    expect([answer.status, answer.body.code]).toEqual([400, 'sign_in_cancelled']);
  });

  test.each(['//evil.example', '/\\evil.example', 'https://evil.example', '/%2f/evil.example'])(
    'next=%s goes to / instead',
    async (next) => {
      const browser = new Browser();
      const answer = await browser.open(`${begin}?login_hint=ann@example.test&next=${encodeURIComponent(next)}`);
      expect(answer.url).toBe(`${stack.url}/`);
    },
  );

  describe('refresh', () => {
    test('rotates; the one before stays good for 10 s and gives the same generation; an older one ends the family', async () => {
      const ann = await signIn(stack.url);
      const second = (await refresh(ann.refreshToken)).body;
      const raced = await refresh(ann.refreshToken);
      expect(raced.status).toBe(200);
      const third = (await refresh(second.refreshToken)).body;
      expect((await me({ token: third.accessToken })).status).toBe(200);
      const stolen = await refresh(ann.refreshToken);
      expect([stolen.status, stolen.body.code]).toEqual([401, 'key_revoked']);
      expect((await refresh(third.refreshToken)).status).toBe(401);
      expect((await me({ token: third.accessToken })).body.code).toBe('key_revoked');
    });

    test('reuse after the 10 s ends the family', async () => {
      const ann = await signIn(stack.url);
      const { body } = await refresh(ann.refreshToken);
      await stack.query('UPDATE sessions SET rotated_at = rotated_at - INTERVAL 11 SECOND');
      expect((await refresh(ann.refreshToken)).status).toBe(401);
      expect((await me({ token: body.accessToken })).status).toBe(401);
    });

    test('by cookie it needs our own Origin and sets new cookies', async () => {
      const ann = await signIn(stack.url);
      const cookie = Object.entries(ann.cookies)
        .map(([name, value]) => `${name}=${value}`)
        .join('; ');
      const renew = (headers: Record<string, string>) =>
        call(`${stack.url}/auth/refresh`, { method: 'POST', body: {}, headers: { cookie, ...headers } });
      expect((await renew({})).body.code).toBe('origin_not_allowed');
      expect((await renew({ origin: 'https://evil.example' })).status).toBe(403);
      const good = await renew({ origin: stack.url });
      expect(good.status).toBe(200);
      expect(good.headers.getSetCookie()).toHaveLength(2);
    });

    test('an access token is no refresh token and the reverse', async () => {
      const ann = await signIn(stack.url);
      expect((await refresh(ann.accessToken)).body.code).toBe('wrong_token_kind');
      expect((await me({ token: ann.refreshToken })).body.code).toBe('wrong_token_kind');
    });
  });

  test('logout ends access and refresh at once', async () => {
    const ann = await signIn(stack.url);
    const out = await call(`${stack.url}/api/auth/logout`, { token: ann.accessToken, body: {} });
    expect(out.status).toBe(204);
    expect((await me({ token: ann.accessToken })).body.code).toBe('key_revoked');
    expect((await refresh(ann.refreshToken)).status).toBe(401);
  });

  test('a cookie becomes a bearer, with our Origin only', async () => {
    const ann = await signIn(stack.url);
    const cookie = `tallystone_session_${port()}=${ann.cookies[`tallystone_session_${port()}`]}`;
    const ask = (headers: Record<string, string>) =>
      call(`${stack.url}/api/auth/token`, { method: 'POST', headers: { cookie, ...headers } });
    expect((await ask({})).status).toBe(403);
    const { status, body } = await ask({ origin: stack.url });
    expect(status).toBe(200);
    expect((await me({ token: body.accessToken })).status).toBe(200);
  });

  test('no bearer token makes another one, however it is sent', async () => {
    const ann = await signIn(stack.url);
    const session = `tallystone_session_${port()}`;
    const ask = (headers: Record<string, string>) =>
      call(`${stack.url}/api/auth/token`, { method: 'POST', headers: { origin: stack.url, ...headers } });
    const made = await ask({ cookie: `${session}=${ann.cookies[session]}` });
    expect(made.status).toBe(200);
    for (const token of [ann.accessToken, made.body.accessToken as string]) {
      for (const headers of [
        { authorization: `Bearer ${token}` },
        { 'x-api-key': token },
        { cookie: `${session}=${token}` },
        // The header decides, whatever else is there.
        { authorization: `Bearer ${token}`, cookie: `${session}=${ann.cookies[session]}` },
      ] as Record<string, string>[]) {
        const { status, body } = await ask(headers);
        expect([status, body.code]).toEqual([403, 'session_cookie_required']);
      }
      // Nor does it renew the session.
      const renewed = await call(`${stack.url}/api/auth/refresh`, { body: { refreshToken: token } });
      expect([renewed.status, renewed.body.code]).toEqual([401, 'wrong_token_kind']);
      const asCookie = { cookie: `tallystone_refresh_${port()}=${token}`, origin: stack.url };
      const byCookie = await call(`${stack.url}/api/auth/refresh`, { body: {}, headers: asCookie });
      expect([byCookie.status, byCookie.body.code]).toEqual([401, 'wrong_token_kind']);
    }
    const copied = { authorization: `Bearer ${ann.cookies[session]}` };
    expect((await ask(copied)).body.code).toBe('session_cookie_required');
  });

  test('tokens: none, garbage, alg none, expired, of another secret', async () => {
    const ann = await signIn(stack.url);
    const [header, payload, signature] = ann.accessToken.split('.') as [string, string, string];
    const none = Buffer.from(JSON.stringify({ ...JSON.parse(atob(header)), alg: 'none' })).toString('base64url');
    const other = Buffer.from(JSON.stringify({ ...JSON.parse(atob(payload)), sub: 'x' })).toString('base64url');
    const codes = await Promise.all([
      me({}),
      me({ token: 'garbage' }),
      me({ token: `${none}.${payload}.` }),
      me({ token: `${header}.${other}.${signature}` }),
      me({ token: `${header}.${payload}` }),
    ]);
    expect(codes.map(({ status, body }) => `${status} ${body.code}`)).toEqual([
      '401 key_missing',
      ...Array<string>(4).fill('401 key_malformed'),
    ]);
  });

  test('deleting the account ends sessions and keys at once, and forgets the person', async () => {
    const gone = await signIn(stack.url, 'gone@example.test');
    const app = await registerApp(stack.url, gone);
    expect((await call(`${stack.url}/api/auth/me`, { method: 'DELETE', token: gone.accessToken })).status).toBe(204);
    expect((await me({ token: gone.accessToken })).status).toBe(401);
    expect((await refresh(gone.refreshToken)).status).toBe(401);
    expect((await call(`${stack.url}/collect`, { key: app.apiKey, body: { event: 'x' } })).body.code).toBe(
      'key_revoked',
    );
    expect(await stack.query("SELECT * FROM users WHERE email = 'gone@example.test'")).toEqual([]);
    const again = await signIn(stack.url, 'gone@example.test');
    expect(again.user.id).not.toBe(gone.user.id);
  });

  describe('local sign-in answers only on this machine', () => {
    // fetch does not let its Host be set; a plain request does.
    const raw = async (path: string, headers: Record<string, string>) => {
      const { request } = await import('node:http');
      return new Promise<{ status: number; body: string }>((resolve, reject) => {
        request(`${stack.url}${path}`, { headers }, (answer) => {
          let body = '';
          answer.setEncoding('utf8').on('data', (text) => (body += text));
          answer.on('end', () => resolve({ status: answer.statusCode!, body }));
        })
          .on('error', reject)
          .end();
      });
    };

    test.each([
      ['a foreign Host', { host: 'stats.example.com' }],
      ['X-Forwarded-For', { 'x-forwarded-for': '203.0.113.7' }],
      ['X-Forwarded-Host', { 'x-forwarded-host': 'stats.example.com' }],
      ['Forwarded', { forwarded: 'for=203.0.113.7' }],
    ])('%s is refused, on every route of it', async (_what, headers) => {
      for (const path of [
        '/api/auth/google?login_hint=ann@example.test',
        '/auth/google',
        '/api/auth/google/callback?code=x&state=x',
        '/local-sign-in/auth',
        '/local-sign-in/interaction/x',
        '/local-sign-in/interaction/x/finish?email=a@b.test',
        '/local-sign-in/.well-known/openid-configuration',
      ]) {
        const { status, body } = await raw(path, headers as Record<string, string>);
        expect([path, status]).toEqual([path, 403]);
        expect(body).toContain('Local sign-in');
      }
    });

    test('another loopback name is sent to PUBLIC_URL once, keeping only next and login_hint', async () => {
      const location = await new Promise<string>((resolve) => {
        void import('node:http').then(({ request }) => {
          const headers = { host: `localhost:${port()}` };
          request(`${begin}?next=/api-docs&login_hint=ann@example.test&other=1`, { headers }, (answer) => {
            answer.resume();
            resolve(answer.headers.location!);
          }).end();
        });
      });
      expect(location).toBe(`${begin}?next=%2Fapi-docs&login_hint=ann%40example.test&sent=1`);
    });
  });

  test('sessions of the stand-in are void where local sign-in is off', async () => {
    const ann = await signIn(stack.url);
    const api = await stack.startApi({ LOCAL_SIGN_IN: 'false' });
    const answer = await call(`${api.url}/api/auth/me`, { token: ann.accessToken });
    expect([answer.status, answer.body.code]).toEqual([401, 'key_revoked']);
    const signInThere = await call(`${api.url}/api/auth/google`, { headers: { accept: 'application/json' } });
    expect([signInThere.status, signInThere.body.code]).toEqual([503, 'sign_in_not_set_up']);
    expect((await call(`${api.url}/local-sign-in/auth`)).status).toBe(404);
  });

  test('SIGN_IN_ALLOW: others get a 403 page that says whom to ask, and leave no row', async () => {
    const api = await stack.startApi({ SIGN_IN_ALLOW: '@example.test,friend@elsewhere.test' });
    expect((await signIn(api.url, 'friend@elsewhere.test')).user.email).toBe('friend@elsewhere.test');
    const browser = new Browser();
    const answer = await browser.open(`${api.url}/api/auth/google?login_hint=foe@elsewhere.test`, {
      accept: 'text/html',
    });
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('SIGN_IN_ALLOW');
    expect(await stack.query("SELECT * FROM users WHERE email = 'foe@elsewhere.test'")).toEqual([]);
  });

  test('sign-ins are limited per address', async () => {
    const api = await stack.startApi({
      RATE_LIMITS: 'signin=3',
      REDIS_KEY_PREFIX: `${stack.env.redisKeyPrefix}limit:`,
    });
    let answer = await call(`${api.url}/api/auth/google`);
    await until(async () => {
      answer = await call(`${api.url}/api/auth/google`, { headers: { accept: 'application/json' } });
      return answer.status === 429;
    }, 'the limit');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    // Coming back counts apart, so that whoever began in time may finish.
    const finish = async () => {
      const headers = {
        accept: 'application/json',
        cookie: 'tallystone_flow=made-up',
      };
      return (await call(`${api.url}/api/auth/google/callback?code=a&state=b`, { headers })).status;
    };
    const statuses = [await finish(), await finish(), await finish(), await finish()];
    expect(statuses).toEqual([400, 400, 400, 429]);
  });

  test('no token, cookie or e-mail is in the logs', () => {
    const logs = stack.apis.map((api) => api.process.text).join('');
    expect(logs).not.toMatch(/eyJ[\w-]{10,}\./);
    expect(logs).not.toContain('example.test');
    expect(logs).not.toContain('tallystone_session');
  });
});

describe('an account at Google', () => {
  test('without a verified e-mail is refused', async () => {
    const { createServer } = await import('node:http');
    const google = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/token') response.end(JSON.stringify({ access_token: 'x', token_type: 'Bearer' }));
      else response.end(JSON.stringify({ sub: '1', email: 'ann@example.test', email_verified: false, name: 'Ann' }));
    });
    await new Promise<void>((resolve) => google.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(google.address() as { port: number }).port}`;
    const stack = await startStack({
      workers: 0,
      env: {
        GOOGLE_CLIENT_ID: 'id',
        GOOGLE_CLIENT_SECRET: 'secret',
        GOOGLE_AUTHORIZATION_URL: `${base}/auth`,
        GOOGLE_TOKEN_URL: `${base}/token`,
        GOOGLE_USERINFO_URL: `${base}/userinfo`,
      },
    });
    try {
      const started = await call(`${stack.url}/api/auth/google`);
      const location = new URL(started.headers.get('location')!);
      expect(location.origin + location.pathname).toBe(`${base}/auth`);
      const cookie = started.headers.getSetCookie()[0]!.split(';')[0]!;
      const back = `${stack.url}/api/auth/google/callback?code=x&state=${location.searchParams.get('state')}`;
      const answer = await call(back, { headers: { cookie, accept: 'application/json' } });
      expect([answer.status, answer.body.code]).toEqual([403, 'email_not_verified']);
      expect(await stack.query('SELECT * FROM users')).toEqual([]);
    } finally {
      await stack.stop();
      await new Promise((resolve) => google.close(resolve));
    }
  });
});
