import { formatUuid } from '../../src/events/event-id.js';
import { call, type Signed, signIn } from '../support/client.js';
import { rawCall } from '../support/raw-request.js';
import {
  ANN,
  comeBack,
  FOREIGN,
  JSON_ONLY,
  me,
  outcome,
  PAGE,
  PUBLIC_HOST,
  refresh,
  setCookies,
  SignIns,
} from '../support/sign-ins.js';
import { until } from '../support/until.js';

let signIns: SignIns;
beforeAll(async () => (signIns = await SignIns.start()));
afterAll(() => signIns?.stop());

describe('sessions', () => {
  test('tabs that race for a renewal all stay signed in', async () => {
    const { refreshToken } = await signIns.signedIn();
    const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(signIns.google, refreshToken)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    const [session] = await signIns.stack.query<{ generation: number }>(
      'SELECT generation FROM sessions ORDER BY rotated_at DESC LIMIT 1',
    );
    expect(session!.generation).toBe(2);
    for (const { body } of answers) expect((await me(signIns.google, body.accessToken)).status).toBe(200);
    expect((await refresh(signIns.google, answers[5]!.body.refreshToken)).status).toBe(200);
  });

  test('reuse after the 10 s ends the whole family: every token it ever gave', async () => {
    const first = await signIns.signedIn();
    const bystander = await signIns.signedIn();
    const second = (await refresh(signIns.google, first.refreshToken)).body;
    const raced = (await refresh(signIns.google, first.refreshToken)).body;
    const shift = (seconds: number) =>
      signIns.stack.query('UPDATE sessions SET rotated_at = rotated_at - INTERVAL ? SECOND WHERE id = UNHEX(?)', [
        seconds,
        sessionOf(first),
      ]);
    await shift(8);
    expect((await refresh(signIns.google, first.refreshToken)).status).toBe(200);
    await shift(3);
    const reused = await refresh(signIns.google, first.refreshToken);
    expect(outcome(reused)).toBe('401 key_revoked');
    expect(reused.body.detail).toContain('used before');
    for (const { refreshToken, accessToken } of [first, second, raced]) {
      expect(outcome(await refresh(signIns.google, refreshToken))).toBe('401 key_revoked');
      expect(outcome(await me(signIns.google, accessToken))).toBe('401 key_revoked');
    }
    expect((await me(signIns.google, bystander.accessToken)).status).toBe(200);
  });

  test('reuse after the 10 s is in the audit log of the account, once', async () => {
    const claims = { ...ANN, sub: 'was-copied' };
    const first = await signIns.signedIn(claims);
    await refresh(signIns.google, first.refreshToken);
    await signIns.stack.query('UPDATE sessions SET rotated_at = rotated_at - INTERVAL 11 SECOND WHERE id = UNHEX(?)', [
      sessionOf(first),
    ]);
    for (let i = 0; i < 2; i += 1) await refresh(signIns.google, first.refreshToken);
    const { accessToken } = await signIns.signedIn(claims);
    const { body } = await call(`${signIns.google}/api/auth/audit-log`, { token: accessToken });
    expect(body.data.map(({ action }: { action: string }) => action)).toEqual([
      'signed_in',
      'refresh_token_reused',
      'signed_in',
    ]);
    expect(body.data[1].subjectId.replaceAll('-', '')).toBe(sessionOf(first));
  });

  test.each([60_000, -60_000])(
    'the 10 s go by the database’s clock: in a process whose own is %d ms off',
    async (ahead) => {
      const { url } = await signIns.stack.startApi({
        NODE_OPTIONS: '--import ./test/support/shifted-clock.mjs',
        CLOCK_AHEAD_MS: String(ahead),
      });
      const first = await signIn(url);
      expect((await refresh(url, first.refreshToken)).status).toBe(200);
      expect((await refresh(url, first.refreshToken)).status).toBe(200);
      await signIns.stack.query(
        'UPDATE sessions SET rotated_at = rotated_at - INTERVAL 11 SECOND WHERE id = UNHEX(?)',
        [sessionOf(first)],
      );
      expect(outcome(await refresh(url, first.refreshToken))).toBe('401 key_revoked');
    },
  );

  test('logout by the session cookie alone, where the browser has lost the other', async () => {
    const { accessToken, refreshToken } = await signIns.signedIn();
    const cookie = `tallystone_session_${new URL(signIns.google).port}=${accessToken}`;
    const leave = (headers: Record<string, string>) =>
      call(`${signIns.google}/api/auth/logout`, { body: {}, headers: { cookie, ...headers } });
    expect(outcome(await leave({}))).toBe('403 origin_not_allowed');
    expect((await me(signIns.google, accessToken)).status).toBe(200);
    const left = await leave({ origin: signIns.google });
    expect([left.status, left.headers.getSetCookie().length]).toEqual([204, 2]);
    expect(outcome(await me(signIns.google, accessToken))).toBe('401 key_revoked');
    expect(outcome(await refresh(signIns.google, refreshToken))).toBe('401 key_revoked');
    // A second click is no error.
    expect((await leave({ origin: signIns.google })).status).toBe(204);
  });

  test('logout ends access and renewal at once, in every process, and nobody else’s', async () => {
    const [leaves, stays] = [await signIns.signedIn(), await signIns.signedIn()];
    expect((await me(signIns.https, leaves.accessToken)).status).toBe(200);
    expect(
      (await call(`${signIns.google}/api/auth/logout`, { body: { refreshToken: leaves.refreshToken } })).status,
    ).toBe(204);
    for (const url of [signIns.google, signIns.https]) {
      expect(outcome(await me(url, leaves.accessToken))).toBe('401 key_revoked');
      expect(outcome(await refresh(url, leaves.refreshToken))).toBe('401 key_revoked');
      expect((await me(url, stays.accessToken)).status).toBe(200);
    }
  });

  test('deleting the account ends every sign-in of it at once', async () => {
    const claims = { ...ANN, sub: 'leaves' };
    const [here, there] = [await signIns.signedIn(claims), await signIns.signedIn(claims)];
    expect((await call(`${signIns.google}/api/auth/me`, { method: 'DELETE', token: here.accessToken })).status).toBe(
      204,
    );
    for (const { accessToken, refreshToken } of [here, there]) {
      expect(outcome(await me(signIns.https, accessToken))).toBe('401 key_revoked');
      expect(outcome(await refresh(signIns.google, refreshToken))).toBe('401 key_revoked');
    }
    expect((await signIns.signedIn(claims)).user.id).not.toBe(here.user.id);
  });
});

function sessionOf({ accessToken }: Signed): string {
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as { sid: string };
  return claims.sid.replaceAll('-', '');
}

describe('the end of a session', () => {
  const age = (who: Signed, interval: string, column = 'created_at') =>
    signIns.stack.query(`UPDATE sessions SET ${column} = ${column} - INTERVAL ${interval} WHERE id = UNHEX(?)`, [
      sessionOf(who),
    ]);
  const sessions = async (who: Signed, query = '') =>
    (await call(`${signIns.google}/api/auth/sessions${query}`, { token: who.accessToken })).body;
  const end = (who: Signed, path = '') =>
    call(`${signIns.google}/api/auth/sessions${path}`, { method: 'DELETE', token: who.accessToken });

  test('is 90 days after its sign-in, whatever is renewed', async () => {
    const first = await signIns.signedIn();
    await age(first, '89 DAY');
    const renewed = await refresh(signIns.google, first.refreshToken);
    expect(renewed.status).toBe(200);
    const [row] = await signIns.stack.query<{ days: string }>(
      'SELECT TIMESTAMPDIFF(HOUR, created_at, expires_at) / 24 AS days FROM sessions WHERE id = UNHEX(?)',
      [sessionOf(first)],
    );
    expect(Number(row!.days)).toBe(90);
    const { data } = await sessions(first);
    const { createdAt, endsAt } = data.find(({ current }: { current: boolean }) => current);
    expect(Date.parse(endsAt) - Date.parse(createdAt)).toBe(90 * 86_400_000);
    // As a session from before there was an end: renewed yesterday, good for 29 days more.
    await age(first, '1 DAY');
    await age(first, '-20 DAY', 'expires_at');
    expect(outcome(await refresh(signIns.google, renewed.body.refreshToken))).toBe('401 key_revoked');
    expect(outcome(await me(signIns.google, renewed.body.accessToken))).toBe('401 key_revoked');
  });

  test('SESSION_MAX_DAYS brings it forward, for sessions under way too', async () => {
    const { url } = await signIns.stack.startApi({ ...signIns.provider.variables, SESSION_MAX_DAYS: '1' });
    const first = await signIns.signedIn();
    expect((await refresh(url, first.refreshToken)).status).toBe(200);
    expect((await me(url, first.accessToken)).status).toBe(200);
    await age(first, '1 DAY');
    expect(outcome(await me(url, first.accessToken))).toBe('401 key_revoked');
    expect((await me(signIns.google, first.accessToken)).status).toBe(200);
  });

  test('people see their sessions, page by page, and nobody else’s', async () => {
    const claims = { ...ANN, sub: 'has-sessions' };
    const userAgent =
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
    const chrome = (await comeBack(await signIns.begun(claims), { ...JSON_ONLY, 'user-agent': userAgent })).body;
    const program = (await comeBack(await signIns.begun(claims), { ...JSON_ONLY, 'user-agent': 'sync/1.0 (x; y)' }))
      .body;
    const { data, nextCursor } = await sessions(chrome);
    expect(nextCursor).toBeNull();
    expect(data).toEqual([
      expect.objectContaining({ browser: 'sync', os: null, current: false }),
      expect.objectContaining({ browser: 'Chrome', os: 'Linux', current: true }),
    ]);
    const first = await sessions(program, '?limit=1');
    expect(first).toEqual({ data: [expect.objectContaining({ current: true })], nextCursor: data[0].id });
    const second = await sessions(program, `?limit=1&cursor=${first.nextCursor}`);
    expect(second).toEqual({ data: [expect.objectContaining({ id: data[1].id })], nextCursor: null });
    // Its use is noted to the minute.
    await age(chrome, '2 MINUTE', 'last_used_at');
    await me(signIns.google, chrome.accessToken);
    await until(async () => {
      const { data: again } = await sessions(program);
      return Date.now() - Date.parse(again[1].lastUsedAt) < 60_000;
    }, 'the use to be noted');
    const stranger = await signIns.signedIn({ ...ANN, sub: 'stranger' });
    expect(outcome(await end(stranger, `/${data[0].id}`))).toBe('404 not_found');
    expect(outcome(await end(stranger, '/nonsense'))).toBe('404 not_found');
    expect((await me(signIns.google, program.accessToken)).status).toBe(200);
  });

  test('people end one of them, or all', async () => {
    const claims = { ...ANN, sub: 'ends-sessions' };
    const [a, b, c] = [await signIns.signedIn(claims), await signIns.signedIn(claims), await signIns.signedIn(claims)];
    const bystander = await signIns.signedIn();
    for (let i = 0; i < 2; i += 1) expect((await end(a, `/${formatUuid(sessionOf(b))}`)).status).toBe(204);
    expect(outcome(await me(signIns.https, b.accessToken))).toBe('401 key_revoked');
    expect(outcome(await refresh(signIns.google, b.refreshToken))).toBe('401 key_revoked');
    expect((await sessions(a)).data).toHaveLength(2);
    const all = await end(a);
    expect([all.status, all.headers.getSetCookie().length]).toEqual([204, 2]);
    for (const gone of [a, c]) {
      expect(outcome(await me(signIns.https, gone.accessToken))).toBe('401 key_revoked');
      expect(outcome(await refresh(signIns.google, gone.refreshToken))).toBe('401 key_revoked');
    }
    expect((await me(signIns.google, bystander.accessToken)).status).toBe(200);
    const again = await signIns.signedIn(claims);
    const { body } = await call(`${signIns.google}/api/auth/audit-log`, { token: again.accessToken });
    expect(body.data.map(({ action }: { action: string }) => action).slice(0, 3)).toEqual([
      'signed_in',
      'signed_out_everywhere',
      'signed_out',
    ]);
  });

  test('a browser that signs in again holds one session, not two', async () => {
    const claims = { ...ANN, sub: 'signs-in-again' };
    const first = await signIns.signedIn(claims);
    const flow = await signIns.begun(claims);
    const held = `tallystone_refresh_${new URL(signIns.google).port}=${first.refreshToken}`;
    const second = (await comeBack({ ...flow, cookie: `${flow.cookie}; ${held}` })).body;
    expect(outcome(await me(signIns.google, first.accessToken))).toBe('401 key_revoked');
    expect((await sessions(second)).data).toHaveLength(1);
    // Of somebody else, it stays.
    const other = await signIns.begun({ ...ANN, sub: 'at-the-same-browser' });
    const theirs = `tallystone_refresh_${new URL(signIns.google).port}=${second.refreshToken}`;
    expect((await comeBack({ ...other, cookie: `${other.cookie}; ${theirs}` })).status).toBe(200);
    expect((await me(signIns.google, second.accessToken)).status).toBe(200);
  });
});

describe('cookies', () => {
  test('on https: __Host-, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain', async () => {
    signIns.provider.claims = ANN;
    const headers = { host: PUBLIC_HOST, ...PAGE };
    const started = await rawCall(`${signIns.https}/api/auth/google?next=/api-docs`, { headers });
    const agreed = await call(started.headers.get('location')!);
    const callback = new URL(agreed.headers.get('location')!);
    expect(callback.origin).toBe(`https://${PUBLIC_HOST}`);
    const [flow] = started.headers.getSetCookie();
    const back = await rawCall(signIns.https + callback.pathname + callback.search, {
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
      rawCall(`${signIns.https}/api/auth/refresh`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json', host: PUBLIC_HOST, cookie: cookie.join('; '), origin },
      });
    expect(outcome(await renew(`http://${PUBLIC_HOST}`))).toBe('403 origin_not_allowed');
    expect((await renew(`https://${PUBLIC_HOST}`)).status).toBe(200);
  });

  test('on http: the name ends in the port, HttpOnly, SameSite=Lax', async () => {
    const { port } = new URL(signIns.google);
    const answer = await comeBack(await signIns.begun(ANN, '', PAGE));
    expect(setCookies(answer).map((line) => line.replace(/=[^;]*/, ''))).toEqual([
      `tallystone_session_${port}; Max-Age=900; Path=/; HttpOnly; SameSite=Lax`,
      `tallystone_refresh_${port}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax`,
    ]);
  });

  test('whatever changes something by cookie needs our own Origin; a bearer needs none', async () => {
    const { body: document } = await call(`${signIns.local}/api-docs-json`);
    const changing = Object.entries<Record<string, { security?: Record<string, unknown>[] }>>(document.paths).flatMap(
      ([path, item]) =>
        Object.entries(item)
          .filter(([method, { security = [] }]) => method !== 'get' && security.some((one) => 'userToken' in one))
          .map(([method]) => ({ path: path.replace(/\{\w+\}/g, crypto.randomUUID()), method: method.toUpperCase() })),
    );
    expect(changing.length).toBeGreaterThanOrEqual(10);
    const { port } = new URL(signIns.local);
    const own = await signIn(signIns.local);
    const cookie = Object.entries(own.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
    const foreign = [
      undefined,
      'null',
      `https://${FOREIGN}`,
      `${signIns.local}.${FOREIGN}`,
      `${signIns.local}/`,
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
        call(`${signIns.local}${path}`, { method, headers, ...(method === 'DELETE' ? {} : { body: {} }) });
      for (const origin of foreign) {
        const answer = await ask({ cookie, ...(origin ? { origin } : {}) });
        expect([method, path, origin, outcome(answer)]).toEqual([method, path, origin, '403 origin_not_allowed']);
      }
      const someone = await signIn(signIns.local, 'someone@example.test');
      const bearer = await ask({ authorization: `Bearer ${someone.accessToken}`, origin: `https://${FOREIGN}` });
      expect([method, path, bearer.body?.code]).not.toEqual([method, path, 'origin_not_allowed']);
    }
    const accepted = await call(`${signIns.local}/api/apps`, {
      body: { name: 'Own' },
      headers: { cookie, origin: signIns.local },
    });
    expect(accepted.status).toBe(201);
  });
});

describe('a browser at another host name', () => {
  const begin = (query: string, host: string) =>
    rawCall(`${signIns.https}/api/auth/google${query}`, { headers: { host } });

  test('is sent once to PUBLIC_URL, with only next and login_hint and a mark', async () => {
    const { status, headers } = await begin(
      '?next=//evil.example&login_hint=ann@example.test&again=true&code=x&a=b',
      'other.test',
    );
    expect([status, headers.get('location')]).toEqual([
      302,
      `https://${PUBLIC_HOST}/api/auth/google?next=%2F%2Fevil.example&login_hint=ann%40example.test&again=true&sent=1`,
    ]);
    expect(headers.getSetCookie()).toEqual([]);
  });

  test('marked and still at another, its sign-in goes on, with one warning that names the proxy setting', async () => {
    for (const host of ['127.0.0.1:3000', 'other.test']) {
      const { status, headers } = await begin('?sent=1', host);
      expect([status, new URL(headers.get('location')!).origin]).toEqual([302, signIns.provider.url]);
    }
    const process = signIns.stack.apis.find((api) => api.url === signIns.https)!.process;
    const warnings = process.records.filter(({ msg }) => String(msg).includes('proxy_set_header Host $host'));
    expect(warnings).toHaveLength(1);
  });
});
