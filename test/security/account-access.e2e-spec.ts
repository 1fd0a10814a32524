import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { me, outcome } from '../support/sign-ins.js';
import { type Stack, startStack } from '../support/stack.js';

/** One who may sign in everywhere, and one at a domain that only some processes let in. */
const ANN = 'ann@x.test';
const EVE = 'eve@y.test';

describe('keys of an account that may not sign in any more', () => {
  let stack: Stack;
  let people: Record<'ann' | 'eve', Signed & { app: string; write: string; read: string }>;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    const start = async (email: string) => {
      const person = await signIn(stack.url, email);
      const app = await registerApp(stack.url, person);
      const read = await createKey(stack.url, person, { appId: app.id, scopes: ['read'] });
      return { ...person, app: app.id, write: app.apiKey, read: read.apiKey };
    };
    people = { ann: await start(ANN), eve: await start(EVE) };
  });
  afterAll(() => stack?.stop());

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
