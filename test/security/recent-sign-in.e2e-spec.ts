import { call, createKey, registerApp, type Signed } from '../support/client.js';
import { ANN, comeBack, outcome, PAGE, SignIns } from '../support/sign-ins.js';

let signIns: SignIns;
beforeAll(async () => (signIns = await SignIns.start()));
afterAll(() => signIns?.stop());

/** The person's last sign-in was that many minutes ago. */
const age = ({ user }: Signed, minutes: number) =>
  signIns.stack.query(
    'UPDATE sessions SET authenticated_at = authenticated_at - INTERVAL ? MINUTE WHERE user_id = UNHEX(?)',
    [minutes, user.id.replaceAll('-', '')],
  );
const ask = (method: string, path: string, token: string, body?: unknown, url = signIns.google) =>
  call(`${url}${path}`, { method, token, body });

describe('what needs a sign-in within the last 10 minutes', () => {
  const REFUSED = '403 recent_sign_in_required';
  let ann: Signed;
  let app: Awaited<ReturnType<typeof registerApp>>;
  let read: Awaited<ReturnType<typeof createKey>>;
  beforeAll(async () => {
    ann = await signIns.signedIn();
    app = await registerApp(signIns.google, ann);
    read = await createKey(signIns.google, ann, { appId: app.id, scopes: ['read'] });
  });

  const guarded = (): [string, string, unknown?][] => [
    ['DELETE', '/api/auth/me'],
    ['DELETE', `/api/apps/${app.id}`],
    ['POST', '/api/auth/api-key', { appId: app.id, scopes: ['read'] }],
    ['POST', '/api/auth/api-key', { appId: app.id, scopes: ['write', 'read'] }],
    ['POST', '/api/auth/regenerate', { keyId: read.keyId }],
    ['POST', '/auth/regenerate', { keyId: read.keyId, overlapSeconds: 60 }],
  ];

  test('is refused after them, by bearer and by cookie, and a renewal does not help', async () => {
    await age(ann, 11);
    const renewed = (await call(`${signIns.google}/api/auth/refresh`, { body: { refreshToken: ann.refreshToken } }))
      .body;
    const cookie = `tallystone_session_${new URL(signIns.google).port}=${renewed.accessToken}`;
    for (const [method, path, body] of guarded()) {
      for (const token of [ann.accessToken, renewed.accessToken]) {
        expect([method, path, outcome(await ask(method, path, token, body))]).toEqual([method, path, REFUSED]);
      }
      const byCookie = await call(`${signIns.google}${path}`, {
        ...{ method, body },
        headers: { cookie, origin: signIns.google },
      });
      expect([method, path, outcome(byCookie)]).toEqual([method, path, REFUSED]);
      expect(byCookie.body.detail).toContain(`${signIns.google}/api/auth/google?again=true`);
    }
  });

  test('everything else goes on, creating a key that only writes as well', async () => {
    const write = await createKey(signIns.google, ann, { appId: app.id });
    expect((await ask('POST', '/api/auth/regenerate', ann.accessToken, { keyId: write.keyId })).status).toBe(201);
    expect((await ask('POST', '/api/auth/api-key/reveal', ann.accessToken, { keyId: app.keyId })).status).toBe(200);
    expect((await ask('POST', '/api/auth/revoke', ann.accessToken, { keyId: write.keyId })).status).toBe(200);
    // What is not theirs is not there, whenever they signed in.
    const other = await signIns.signedIn({ ...ANN, sub: 'other' });
    await age(other, 11);
    expect(outcome(await ask('POST', '/api/auth/regenerate', other.accessToken, { keyId: read.keyId }))).toBe(
      '404 not_found',
    );
  });

  test('the 10 minutes go by the database’s clock', async () => {
    const eve = await signIns.signedIn({ ...ANN, sub: 'clock' });
    const own = await registerApp(signIns.google, eve);
    const { url } = await signIns.stack.startApi({
      ...signIns.provider.variables,
      NODE_OPTIONS: '--import ./test/support/shifted-clock.mjs',
      CLOCK_AHEAD_MS: '-60000',
    });
    const create = () => ask('POST', '/api/auth/api-key', eve.accessToken, { appId: own.id, scopes: ['read'] }, url);
    await age(eve, 9);
    expect((await create()).status).toBe(201);
    await age(eve, 1);
    expect(outcome(await create())).toBe(REFUSED);
  });

  test('works again after another sign-in', async () => {
    const again = await signIns.signedIn();
    for (const [method, path, body] of guarded().reverse()) {
      const answer = await ask(method, path, again.accessToken, body);
      // The key is regenerated once.
      expect([path, answer.status]).toEqual([path, answer.body?.code === 'key_over' ? 409 : expect.any(Number)]);
      expect([path, String(outcome(answer))]).not.toEqual([path, REFUSED]);
    }
  });
});

describe('signing in again', () => {
  const asked = async (url: string, query: string) => {
    const { headers } = await call(`${url}/api/auth/google${query}`);
    const { searchParams } = new URL(headers.get('location')!);
    return [searchParams.get('prompt'), searchParams.get('max_age')];
  };

  test('makes the provider ask anew: prompt=login and max_age=0, which Google itself does not know', async () => {
    expect(await asked(signIns.google, '')).toEqual(['select_account', null]);
    expect(await asked(signIns.google, '?again=true')).toEqual(['login', '0']);
    const { url } = await signIns.stack.startApi({ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' });
    const { headers } = await call(`${url}/api/auth/google?again=true`);
    expect(headers.get('location')).toMatch(/^https:\/\/accounts\.google\.com\//);
    expect(await asked(url, '?again=true')).toEqual(['select_account', '0']);
  });

  test.each([
    ['an hour ago', 3600, false],
    ['a minute ago', 60, true],
    ['in an hour', -3600, true],
  ])('is believed where the provider says that it was %s', async (_when, secondsAgo, isRecent) => {
    const sub = `auth-time-${secondsAgo}`;
    signIns.provider.idToken = { sub, auth_time: Math.floor(Date.now() / 1000) - secondsAgo };
    const who = await signIns.signedIn({ ...ANN, sub });
    signIns.provider.idToken = undefined;
    const app = await registerApp(signIns.google, who);
    const answer = await ask('DELETE', `/api/apps/${app.id}`, who.accessToken);
    expect(answer.status).toBe(isRecent ? 202 : 403);
    expect(isRecent || answer.body.code).toBe(isRecent || 'recent_sign_in_required');
  });

  test.each<[string, unknown]>([
    ['of another person', { sub: 'eve', auth_time: 0 }],
    ['with a time that is text', { sub: 'odd', auth_time: '0' }],
    ['without a time', { sub: 'odd' }],
    ['that is none', null],
  ])('an ID token %s says nothing of it', async (_what, idToken) => {
    signIns.provider.idToken = idToken;
    const who = await signIns.signedIn({ ...ANN, sub: 'odd' });
    signIns.provider.idToken = undefined;
    const app = await registerApp(signIns.google, who);
    expect((await ask('DELETE', `/api/apps/${app.id}`, who.accessToken)).status).toBe(202);
  });

  test('comes back to the page that asked for it', async () => {
    const flow = await signIns.begun(ANN, '?again=true&next=%2Fsettings%3Fapp%3Dx', PAGE);
    expect((await comeBack(flow, PAGE)).headers.get('location')).toBe('/settings?app=x');
  });
});
