import type { ServerResponse } from 'node:http';
import { localProvider } from '../../src/auth/local-sign-in/local-provider-urls.js';
import { Env } from '../../src/config/env.js';
import { Browser, call, signIn } from '../support/client.js';
import type { Fault, OpenIdProvider } from '../support/openid-provider.js';
import { ANN, comeBack, FOREIGN, JSON_ONLY, outcome, PAGE, setCookies, SignIns } from '../support/sign-ins.js';

let signIns: SignIns;
beforeAll(async () => (signIns = await SignIns.start()));
afterAll(() => signIns?.stop());

describe('state', () => {
  test.each<[string, (query: URLSearchParams) => void]>([
    ['missing', (query) => query.delete('state')],
    ['empty', (query) => query.set('state', '')],
    ['given twice', (query) => query.append('state', query.get('state')!)],
    ['cut short', (query) => query.set('state', query.get('state')!.slice(0, -1))],
    ['of another sign-in', (query) => query.set('state', 'A'.repeat(43))],
  ])('%s: 400, nobody is signed in, and the right one comes too late', async (_what, change) => {
    const flow = await signIns.begun();
    const sessions = await signIns.count('sessions');
    const wrong = new URL(flow.callback);
    change(wrong.searchParams);
    const answer = await comeBack({ ...flow, callback: wrong });
    expect(outcome(answer)).toBe('400 sign_in_state');
    expect(setCookies(answer)).toEqual([]);
    // What reached the store is used up; without a state the store is not asked.
    if (wrong.searchParams.get('state')) expect(outcome(await comeBack(flow))).toBe('400 sign_in_state');
    expect((await signIns.count('sessions')) - sessions).toBe(0);
  });

  test('another browser’s: 400 without its cookie and with one’s own, and a page for people', async () => {
    const [victim, other] = [await signIns.begun(), await signIns.begun()];
    expect(outcome(await comeBack({ ...victim, cookie: '' }))).toBe('400 sign_in_state');
    const page = await comeBack({ ...victim, cookie: other.cookie }, PAGE);
    expect([page.status, page.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    expect(page.body).toContain('begun in another browser');
    expect((await comeBack(victim)).status).toBe(200);
  });

  test('good once: of four that come at once one is signed in', async () => {
    const flow = await signIns.begun();
    const answers = await Promise.all(Array.from({ length: 4 }, () => comeBack(flow)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
  });

  test('good for ten minutes', async () => {
    const flow = await signIns.begun();
    await signIns.stack.query('UPDATE sign_in_flows SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND');
    expect(outcome(await comeBack(flow))).toBe('400 sign_in_state');
  });
});

describe('PKCE', () => {
  test('the stand-in gives no token for a code without its verifier, or with another', async () => {
    const { clientId, clientSecret, tokenUrl } = localProvider(
      Env.load('api', { ...signIns.stack.variables, PORT: new URL(signIns.local).port }),
    );
    const exchange = async (verifier: (right: string) => string | undefined) => {
      const browser = new Browser();
      let at = `${signIns.local}/api/auth/google?login_hint=ann@example.test`;
      while (!at.includes('/callback?')) {
        const hop = await call(at, { headers: { cookie: browser.cookieHeader } });
        browser.keep(hop.headers);
        at = new URL(hop.headers.get('location')!, at).href;
      }
      const [flow] = await signIns.stack.query<{ verifier: string }>(
        'SELECT verifier FROM sign_in_flows WHERE state = ?',
        [new URL(at).searchParams.get('state')],
      );
      const given = verifier(flow!.verifier);
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(at).searchParams.get('code')!,
        redirect_uri: `${signIns.local}/api/auth/google/callback`,
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
    const { clientSecret } = localProvider(Env.load('api', signIns.stack.variables));
    const { createHash } = await import('node:crypto');
    const [header] = (await signIn(signIns.local)).accessToken.split('.');
    const { kid } = JSON.parse(Buffer.from(header!, 'base64url').toString());
    const derived = createHash('sha256').update(`tallystone local sign-in\0${kid}`).digest('hex');
    expect(clientSecret).not.toBe(derived);
  });

  test('a code that somebody else’s verifier belongs to is a clear page', async () => {
    const [mine, stolen] = [await signIns.begun(), await signIns.begun()];
    mine.callback.searchParams.set('code', stolen.callback.searchParams.get('code')!);
    expect(outcome(await comeBack(mine))).toBe('400 sign_in_failed');
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
    const sessions = await signIns.count('sessions');
    const flow = await signIns.begun();
    signIns.provider.faults = faults;
    const page = await comeBack(flow, PAGE);
    signIns.provider.faults = {};
    expect([page.status, page.headers.get('content-type')]).toEqual([status, 'text/html; charset=utf-8']);
    expect(page.body).toMatch(/Sign in again/);
    expect(page.body).not.toMatch(/oops|fine|invalid_|TypeError|at Object|127\.0\.0\.1/);
    expect(setCookies(page)).toEqual([]);
    expect(await signIns.count('sessions')).toBe(sessions);
  });

  test('and afterwards people sign in as before', async () => {
    expect((await signIns.signedIn()).user.email).toBe(ANN.email);
  });
});

describe('next', () => {
  const goesTo = async (next: string) => {
    const answer = await comeBack(await signIns.begun(ANN, `?next=${encodeURIComponent(next)}`, PAGE));
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
    const answer = await comeBack(await signIns.begun(ANN, `?next=/api-docs&next=//${FOREIGN}`, PAGE));
    expect(answer.headers.get('location')).toBe('/');
  });

  test.each(['/api-docs', '/?app=a%20b&range=7d#top', '/search?q=%2Fx'])('own paths are kept: %s', async (next) => {
    expect(await goesTo(next)).toEqual([303, next]);
  });

  test('what comes back with the browser does not change it', async () => {
    const flow = await signIns.begun(ANN, '?next=/api-docs', PAGE);
    flow.callback.searchParams.set('next', `//${FOREIGN}`);
    expect((await comeBack(flow)).headers.get('location')).toBe('/api-docs');
  });
});

describe('what the provider’s refusal says', () => {
  const SAID = 'call-0900-555-and-say-your-password';
  const refused = (query: string, headers: Record<string, string> = PAGE) =>
    call(`${signIns.google}/api/auth/google/callback?${query}`, { headers });

  test.each([
    [`error=${SAID}`, 'refused the sign-in'],
    [`error=server_error&error_description=${SAID}&error_uri=https://${SAID}`, 'had an error'],
    [`error=access_denied&error_description=${SAID}`, 'was cancelled'],
    [`error=access_denied&error=${SAID}`, 'refused the sign-in'],
    [`error[]=${SAID}`, 'begun in another browser'],
    ['error=__proto__', 'refused the sign-in'],
    ['error=invalid_scope', 'does not give what this sign-in asks for'],
  ])('is ours to word, whatever the URL says: %s', async (query, says) => {
    const page = await refused(query);
    expect([page.status, page.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    expect(page.body).toContain(says);
    expect(page.body).not.toContain(SAID);
    const problem = await refused(query, JSON_ONLY);
    expect(problem.status).toBe(400);
    expect(JSON.stringify(problem.body)).not.toContain(SAID);
  });

  test('nor does it reach the log', () => {
    for (const { process } of signIns.stack.apis) expect(process.text).not.toContain(SAID);
  });
});
