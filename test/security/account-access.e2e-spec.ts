import { Browser, call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { holding, untilBlocked } from '../support/locks.js';
import { ServerProcess } from '../support/server-process.js';
import { JSON_ONLY, me, outcome, PAGE, refresh } from '../support/sign-ins.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

/** One who may sign in everywhere, and one at a domain that only some processes let in. */
const ANN = 'ann@x.test';
const EVE = 'eve@y.test';

const OPERATOR = 'op@x.test';

let stack: Stack;
beforeAll(async () => (stack = await startStack({ workers: 0, env: { OPERATORS: OPERATOR } })));
afterAll(() => stack?.stop());

describe('keys of an account that may not sign in any more', () => {
  let people: Record<'ann' | 'eve', Signed & { app: string; write: string; read: string }>;
  beforeAll(async () => {
    const start = async (email: string) => {
      const person = await signIn(stack.url, email);
      const app = await registerApp(stack.url, person);
      const read = await createKey(stack.url, person, { appId: app.id, scopes: ['read'] });
      return { ...person, app: app.id, write: app.apiKey, read: read.apiKey };
    };
    people = { ann: await start(ANN), eve: await start(EVE) };
  });

  /** What each kind of use of the person's keys and session is answered. */
  const uses = async (url: string, { accessToken, write, read }: (typeof people)['ann']) => {
    const answers = [
      await call(`${url}/api/analytics/collect`, { key: write, body: { event: 'use' } }),
      await call(`${url}/api/analytics/collect`, { body: { event: 'use', apiKey: write } }),
      await call(`${url}/api/analytics/collect/batch`, { token: write, body: { events: [{ event: 'use' }] } }),
      await call(`${url}/api/auth/api-key/self`, { key: read }),
      await call(`${url}/api/analytics/event-summary`, { key: read }),
      await call(`${url}/api/analytics/event-summary`, { token: read }),
    ];
    const session = outcome(await me(url, accessToken));
    return {
      keys: [...new Set(answers.map(({ status, body }) => body.code ?? (status < 300 ? 'good' : status)))],
      session,
    };
  };

  test('are good while it may', async () => {
    for (const person of Object.values(people)) {
      expect(await uses(stack.url, person)).toEqual({ keys: ['good'], session: '200 undefined' });
    }
  });

  test('stop with its sessions where SIGN_IN_ALLOW leaves it out; what was accepted before is counted', async () => {
    const { url, process } = await stack.startApi({ SIGN_IN_ALLOW: '@x.test' });
    expect(await uses(url, people.ann)).toEqual({ keys: ['good'], session: '200 undefined' });
    expect(await uses(url, people.eve)).toEqual({ keys: ['key_revoked'], session: '401 key_revoked' });
    const { body } = await call(`${url}/api/analytics/collect`, { key: people.eve.write, body: { event: 'use' } });
    expect(body.detail).toContain('SIGN_IN_ALLOW');
    expect(process.text).toContain('The API keys of 1 account with apps are refused');
    const waiting = await stack.pending();
    expect(waiting).toBeGreaterThan(0);
    await stack.startWorker();
    await stack.drained();
    const counted = await call(`${stack.url}/api/analytics/event-summary?event=use`, { key: people.eve.read });
    expect(counted.body.count).toBe(3);
  });

  test('stop once local sign-in, at which they were made, is off', async () => {
    const { url } = await stack.startApi({ LOCAL_SIGN_IN: 'false' });
    for (const person of Object.values(people)) {
      expect(await uses(url, person)).toEqual({ keys: ['key_revoked'], session: '401 key_revoked' });
    }
  });

  test('work on after an upgrade until its owner signs in again, where an @domain had let it in', async () => {
    const id = Buffer.from(people.ann.user.id.replaceAll('-', ''), 'hex');
    await stack.query('UPDATE users SET domain = NULL WHERE id = ?', [id]);
    const { url, process } = await stack.startApi({ SIGN_IN_ALLOW: '@x.test' });
    expect(await uses(url, people.ann)).toEqual({ keys: ['good'], session: '401 key_revoked' });
    expect(process.text).toContain('The API keys of 1 account with apps work by the domain of an e-mail');
    await stack.query("UPDATE users SET domain = '' WHERE id = ?", [id]);
    const later = await stack.startApi({ SIGN_IN_ALLOW: '@x.test' });
    expect(await uses(later.url, people.ann)).toEqual({ keys: ['key_revoked'], session: '401 key_revoked' });
  });
});

describe('operators', () => {
  let operator: Signed;
  beforeAll(async () => (operator = await signIn(stack.url, OPERATOR)));

  const accounts = `/api/operation/accounts`;
  const ask = (path: string, method = 'GET', token = operator.accessToken, url = stack.url) =>
    call(`${url}${accounts}${path}`, { method, token });
  const command = async (...args: string[]) => {
    const process = ServerProcess.start('accounts', stack.variables, args);
    return { code: await process.ended(), text: process.text };
  };
  /** A person with an app, and a stream of its numbers that is open. */
  const person = async (email: string) => {
    const signed = await signIn(stack.url, email);
    const app = await registerApp(stack.url, signed);
    const { apiKey: read } = await createKey(stack.url, signed, { appId: app.id, scopes: ['read'] });
    return { ...signed, email, id: signed.user.id, write: app.apiKey, read };
  };
  type Person = Awaited<ReturnType<typeof person>>;
  const codes = async (url: string, { accessToken, refreshToken, write, read }: Person) => [
    (await call(`${url}/collect`, { key: write, body: { event: 'x' } })).body.code,
    (await call(`${url}/api/analytics/event-summary`, { key: read })).body.code,
    (await me(url, accessToken)).body.code,
    (await refresh(url, refreshToken)).body.code,
  ];
  const LOCKED = Array<string>(4).fill('account_locked');
  const within = async (ms: number, what: string, holds: () => Promise<boolean>) => {
    const from = Date.now();
    await until(holds, what);
    expect(Date.now() - from).toBeLessThan(ms);
  };
  const actions = async (token: string) =>
    (await call(`${stack.url}/api/auth/audit-log`, { token })).body.data as {
      action: string;
      subjectId: string | null;
    }[];

  test('list accounts by pages, and find them by a part of the e-mail or name, or by id', async () => {
    const { body: first } = await ask('?limit=1');
    expect(first.data).toHaveLength(1);
    expect(first.nextCursor).toBe(first.data[0].id);
    const { body: rest } = await ask(`?limit=200&cursor=${first.nextCursor}`);
    expect(rest.nextCursor).toBeNull();
    expect(rest.data.map(({ id }: { id: string }) => id)).not.toContain(first.data[0].id);
    const found = async (search: string) => {
      const { status, body } = await ask(`?search=${encodeURIComponent(search)}`);
      expect(status).toBe(200);
      return body.data.map(({ email }: { email: string }) => email);
    };
    expect(await found('EVE@')).toEqual([EVE]);
    expect(await found(operator.user.id)).toEqual([OPERATOR]);
    for (const nobody of ['%', '_', '\\', "' OR 1=1", 'nobody@x.test']) expect(await found(nobody)).toEqual([]);
    expect((await ask(`?search=${EVE}`)).body.data[0]).toMatchObject({
      apps: 1,
      lockedAt: null,
      bar: null,
      provider: 'local',
    });
  });

  test('alone see and change accounts', async () => {
    const nobody = await signIn(stack.url, 'nobody@x.test');
    for (const [path, method] of [
      ['', 'GET'],
      [`/${operator.user.id}/lock`, 'POST'],
      [`/${operator.user.id}/unlock`, 'POST'],
      [`/${operator.user.id}/revoke-keys`, 'POST'],
    ] as const) {
      expect(outcome(await ask(path, method, nobody.accessToken))).toBe('403 not_operator');
    }
    expect(outcome(await ask(`/${operator.user.id}/lock`, 'POST'))).toBe('409 own_account');
    expect(outcome(await ask('/nonsense/lock', 'POST'))).toBe('404 not_found');
  });

  test('lock an account: sessions, keys and streams end within a second in every process, and sign-in says so', async () => {
    const mallory = await person('mallory@x.test');
    const other = await stack.startApi();
    const stream = await fetch(`${other.url}/api/analytics/live`, { headers: { 'x-api-key': mallory.read } });
    expect(stream.status).toBe(200);
    expect(await codes(other.url, mallory)).toEqual([undefined, undefined, undefined, undefined]);
    const { status, body } = await ask(`/${mallory.id}/lock`, 'POST');
    expect([status, body.bar]).toEqual([200, 'locked']);
    await within(1000, 'every process to refuse it', async () =>
      [...(await codes(stack.url, mallory)), ...(await codes(other.url, mallory))].every(
        (code) => code === 'account_locked',
      ),
    );
    await within(2000, 'the stream to end', async () => (await stream.text().catch(() => '')) !== undefined);
    const page = await new Browser().open(`${stack.url}/api/auth/google?login_hint=${mallory.email}`, PAGE);
    expect([page.status, page.body]).toEqual([403, expect.stringContaining('Your account is locked')]);
    // Nobody else is kept out, and a second time changes nothing.
    expect((await me(stack.url, operator.accessToken)).status).toBe(200);
    expect((await ask(`/${mallory.id}/lock`, 'POST')).body.lockedAt).toBe(body.lockedAt);
    const mine = (await actions(operator.accessToken)).filter(({ action }) => action === 'account_locked');
    expect(mine).toEqual([expect.objectContaining({ subjectId: mallory.id })]);

    expect((await ask(`/${mallory.id}/unlock`, 'POST')).body.bar).toBeNull();
    await until(async () => (await codes(other.url, mallory))[0] === undefined, 'the key to work again');
    // What was ended stays so.
    expect(await codes(stack.url, mallory)).toEqual([undefined, undefined, 'key_revoked', 'key_revoked']);
    const again = await signIn(stack.url, mallory.email);
    expect((await actions(again.accessToken)).map(({ action }) => action).slice(0, 3)).toEqual([
      'signed_in',
      'account_unlocked',
      'account_locked',
    ]);
  });

  test('revoke its keys, for good', async () => {
    const carol = await person('carol@x.test');
    expect((await ask(`/${carol.id}/revoke-keys`, 'POST')).body).toEqual({ revoked: 2 });
    expect((await codes(stack.url, carol)).slice(0, 3)).toEqual(['key_revoked', 'key_revoked', undefined]);
    expect((await ask(`/${carol.id}/revoke-keys`, 'POST')).body).toEqual({ revoked: 0 });
    expect((await actions(carol.accessToken))[0]).toMatchObject({ action: 'account_keys_revoked' });
  });

  test('do the same at the machine: npm run accounts', async () => {
    const dave = await person('dave@x.test');
    expect(await command('list', '--search', 'dave')).toMatchObject({
      code: 0,
      text: expect.stringContaining(dave.id),
    });
    const page = await command('list', '--limit', '1');
    expect(page.text).toContain(`--after ${dave.id}`);
    expect((await command('list', '--after', dave.id)).text).not.toContain(dave.id);
    expect((await command('lock', 'DAVE@x.test')).code).toBe(0);
    await within(
      1000,
      'the processes to hear of it',
      async () => (await codes(stack.url, dave)).join() === LOCKED.join(),
    );
    expect((await command('list', '--search', 'dave')).text).toContain('locked since');
    expect((await command('unlock', dave.id)).code).toBe(0);
    expect((await command('revoke-keys', dave.id)).text).toContain('2 API keys of dave@x.test revoked');
    await until(async () => (await codes(stack.url, dave))[0] === 'key_revoked', 'the key to be refused');
  });

  test.each([
    [[], 'npm run accounts -- list'],
    [['lock'], 'npm run accounts -- list'],
    [['lock', 'nobody@nowhere.test'], 'no account with this e-mail'],
    [['lock', crypto.randomUUID()], 'no account with this id'],
    [['list', '--limit', '0'], 'npm run accounts -- list'],
    [['list', '--color'], 'Unknown option'],
    [['bury', 'ann@x.test'], 'npm run accounts -- list'],
  ])('accounts %j is told how it is called', async (args, says) => {
    expect(await command(...args)).toEqual({ code: 1, text: expect.stringContaining(says) });
  });

  test('a sign-in under way when the account is locked does not get in', async () => {
    const erin = await person('erin@x.test');
    const id = Buffer.from(erin.id.replaceAll('-', ''), 'hex');
    await holding(
      stack,
      (lock) => lock.query('UPDATE users SET locked_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]),
      async (lock) => {
        const arrival = new Browser().open(`${stack.url}/api/auth/google?login_hint=${erin.email}`, JSON_ONLY);
        await untilBlocked(stack);
        await lock.commitTransaction();
        expect(outcome(await arrival)).toBe('403 account_locked');
      },
    );
  });
});
