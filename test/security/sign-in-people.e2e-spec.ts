import { type Answer, call, registerApp, type Signed, signIn } from '../support/client.js';
import { ANN, comeBack, me, outcome, PAGE, refresh, setCookies, SignIns } from '../support/sign-ins.js';

let signIns: SignIns;
beforeAll(async () => (signIns = await SignIns.start()));
afterAll(() => signIns?.stop());

describe('identity is (provider, sub)', () => {
  test('the same e-mail with another sub is another person, who sees nothing of the first', async () => {
    const first = await signIns.signedIn();
    await registerApp(signIns.google, first);
    const second = await signIns.signedIn({ ...ANN, sub: 'sub-ann-2' });
    expect(second.user.email).toBe(first.user.email);
    expect(second.user.id).not.toBe(first.user.id);
    const apps = async (who: Signed) =>
      (await call(`${signIns.google}/api/apps`, { token: who.accessToken })).body.data;
    expect([(await apps(first)).length, await apps(second)]).toEqual([1, []]);
  });

  test('the same sub with another e-mail is the same person, under the new one', async () => {
    const before = await signIns.signedIn({ ...ANN, sub: 'moves', email: 'old@example.test' });
    const after = await signIns.signedIn({ ...ANN, sub: 'moves', email: 'new@example.test' });
    expect(after.user).toMatchObject({ id: before.user.id, email: 'new@example.test' });
  });

  test('a sub in other letters is another person', async () => {
    const [lower, upper] = [
      await signIns.signedIn({ ...ANN, sub: 'abc' }),
      await signIns.signedIn({ ...ANN, sub: 'ABC' }),
    ];
    expect(upper.user.id).not.toBe(lower.user.id);
  });

  test('the stand-in’s people are not the provider’s, whatever their sub', async () => {
    const { user } = await signIn(signIns.local);
    const [row] = await signIns.stack.query<{ subject: string }>('SELECT subject FROM users WHERE id = UNHEX(?)', [
      user.id.replaceAll('-', ''),
    ]);
    expect((await signIns.signedIn({ ...ANN, sub: row!.subject })).user.id).not.toBe(user.id);
  });
});

describe('who is let in', () => {
  const refused = async (claims: Record<string, unknown>): Promise<Answer> => {
    const [users, sessions] = [await signIns.count('users'), await signIns.count('sessions')];
    const page = await comeBack(await signIns.begun(claims), PAGE);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(setCookies(page)).toEqual([]);
    expect([await signIns.count('users'), await signIns.count('sessions')]).toEqual([users, sessions]);
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
    const page = await refused({ ...ANN, sub: 'unverified', ...claims });
    expect([page.status, page.body]).toEqual([403, expect.stringContaining('no verified e-mail')]);
  });

  test.each<[string, unknown]>([
    ['none', undefined],
    ['a number', 7],
    ['an object', { id: 7 }],
    ['longer than 255', 'x'.repeat(256)],
    ['with a space at its end', 'sub-ann '],
  ])('a sub that is %s is nobody: a clear page, no row', async (_what, sub) => {
    const page = await refused({ ...ANN, sub });
    expect([page.status, page.body]).toEqual([503, expect.stringContaining('does not say who you are')]);
  });

  test.each(['eve@elsewhere.test', 'guest@elsewhere.test.evil.example', 'eve@sub.example.test', 'eve@notexample.test'])(
    '%s is outside SIGN_IN_ALLOW: a 403 page that says whom to ask, no row stored',
    async (email) => {
      const page = await refused({ ...ANN, sub: email, email, hd: undefined });
      expect(page.status).toBe(403);
      expect(page.body).toContain('Ask whoever runs this installation');
      expect(page.body).toContain('SIGN_IN_ALLOW');
    },
  );

  test.each<[string, unknown]>([
    ['none', undefined],
    ['of another Workspace', 'elsewhere.test'],
    ['of a sub-domain', 'sub.example.test'],
    ['the domain above it', 'test'],
    ['an e-mail', 'ann@example.test'],
    ['with a space at its end', 'example.test '],
    ['a list', ['example.test']],
    ['empty', ''],
    ['true', true],
  ])('an e-mail of @domain whose hd is %s is refused, and told what to ask for', async (_what, hd) => {
    const page = await refused({ ...ANN, sub: 'consumer', hd });
    expect([page.status, page.body]).toEqual([403, expect.stringContaining('Google Workspace of that domain')]);
    expect(page.body).toContain('your whole e-mail address');
  });

  test('hd decides, not the e-mail, and in whatever letters', async () => {
    const { user } = await signIns.signedIn({ ...ANN, sub: 'alias', email: 'ann@alias.test', hd: 'EXAMPLE.Test' });
    expect(user.email).toBe('ann@alias.test');
  });

  test.each([
    'ann@example.test,eve@evil.example',
    'eve@evil.example ann@example.test',
    'ann@example.test@evil.example',
    'Ann <ann@example.test>',
    '"ann@example.test"@evil.example',
    ' ann@example.test',
    'ann@example.test\n',
    'ann@example.test\0',
    'ann\u200b@example.test',
    '\u202eann@example.test',
    'ann',
    '@example.test',
    'ann@',
    'mailto:ann@example.test',
  ])('%j is not exactly one address: refused, and leaves no row', async (email) => {
    const page = await refused({ ...ANN, sub: 'odd', email });
    expect([page.status, page.body]).toEqual([403, expect.stringContaining('not exactly one address')]);
  });

  test.each(["o'neil+tag@example.test", 'änne@bücher.example', 'ann@localhost'])('%s is one', async (email) => {
    expect((await signIns.signedIn({ ...ANN, sub: 'unusual', email })).user.email).toBe(email);
  });

  test('who is named is let in, in whatever letters', async () => {
    const claims = { ...ANN, sub: 'guest', email: 'Guest@Elsewhere.test', hd: undefined };
    expect((await signIns.signedIn(claims)).user.email).toBe('Guest@Elsewhere.test');
  });

  test('who has left the Workspace is not let in again, and their session and keys end with that', async () => {
    const claims = { ...ANN, sub: 'leaver', email: 'leaver@example.test' };
    const leaver = await signIns.signedIn(claims);
    const { apiKey } = await registerApp(signIns.google, leaver);
    const post = () => call(`${signIns.google}/collect`, { key: apiKey, body: { event: 'x' } });
    expect((await post()).status).toBe(202);
    await refused({ ...claims, hd: undefined });
    expect(outcome(await me(signIns.google, leaver.accessToken))).toBe('401 key_revoked');
    expect(outcome(await post())).toBe('401 key_revoked');
  });

  test('a session from before hd was asked for is over where an @domain had let it in', async () => {
    const { accessToken } = await signIns.signedIn({ ...ANN, sub: 'upgraded' });
    await signIns.stack.query("UPDATE users SET domain = NULL WHERE subject = 'upgraded'");
    expect(outcome(await me(signIns.google, accessToken))).toBe('401 key_revoked');
  });

  test('who is taken out of SIGN_IN_ALLOW is out at the next start, renewal included', async () => {
    const [stays, goes] = [
      await signIns.signedIn(),
      await signIns.signedIn({ ...ANN, sub: 'goes', email: 'goes@example.test' }),
    ];
    expect((await me(signIns.https, stays.accessToken)).status).toBe(200);
    expect(outcome(await me(signIns.https, goes.accessToken))).toBe('401 key_revoked');
    expect(outcome(await refresh(signIns.https, goes.refreshToken))).toBe('401 key_revoked');
    expect((await me(signIns.google, goes.accessToken)).status).toBe(200);
  });
});
