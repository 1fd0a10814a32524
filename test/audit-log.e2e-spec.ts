import { call, createKey, registerApp, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

interface Noted {
  id: string;
  action: string;
  subjectId: string | null;
  appId: string | null;
  detail: Record<string, unknown>;
}

const DAY = 86_400_000;

describe('the audit log, and keys that expire', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  test('notes sign-in, apps, keys and erasures of an account, for its owner alone, page by page', async () => {
    const ann = await signIn(stack.url);
    const token = ann.accessToken;
    const ask = (path: string, method?: string, body?: unknown) => call(`${stack.url}${path}`, { token, method, body });
    const app = await registerApp(stack.url, ann);
    await ask(`/api/apps/${app.id}`, 'PATCH', { name: 'Renamed', timeZone: 'Asia/Kolkata' });
    const key = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    await ask('/api/auth/api-key/reveal', 'POST', { keyId: app.keyId });
    await ask('/api/auth/regenerate', 'POST', { keyId: key.keyId, overlapSeconds: 5 });
    await ask('/api/auth/revoke', 'POST', { keyId: app.keyId });
    await ask('/api/auth/revoke', 'POST', { keyId: app.keyId });
    await ask(`/api/apps/${app.id}/users/jo%20doe`, 'GET');
    await ask(`/api/apps/${app.id}/users/jo%20doe`, 'DELETE');
    await ask(`/api/apps/${app.id}/dead-letters/replay`, 'POST', {});
    await ask(`/api/apps/${app.id}`, 'DELETE');
    const noted: Noted[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await ask(`/api/auth/audit-log?limit=5${cursor && `&cursor=${cursor}`}`);
      noted.push(...(body.data as Noted[]));
      cursor = body.nextCursor as string | null;
    }
    expect(noted.map(({ action }) => action).reverse()).toEqual([
      'signed_in',
      'app_registered',
      'app_changed',
      'key_created',
      'key_revealed',
      'key_regenerated',
      'key_revoked',
      'person_exported',
      'person_erased',
      'dead_letters_replayed',
      'app_deleted',
    ]);
    expect(noted.find(({ action }) => action === 'app_changed')!.detail).toEqual({ fields: ['name', 'timeZone'] });
    expect(noted.find(({ action }) => action === 'key_revealed')).toMatchObject({
      subjectId: app.keyId,
      appId: app.id,
    });
    expect(JSON.stringify(noted)).not.toMatch(/jo.doe|ann@|eyJ|127\.0\.0/);

    const bob = await signIn(stack.url, 'bob@example.test');
    const { body } = await call(`${stack.url}/auth/audit-log`, { token: bob.accessToken });
    expect(body.data.map((entry: Noted) => entry.action)).toEqual(['signed_in']);
    const foreign = await call(`${stack.url}/auth/audit-log?cursor=${noted[0]!.id}`, { token: bob.accessToken });
    expect(JSON.stringify(foreign.body)).not.toContain(app.id);

    await call(`${stack.url}/api/auth/logout`, { token, method: 'POST', body: {} });
    const again = await signIn(stack.url);
    const { body: last } = await call(`${stack.url}/auth/audit-log?limit=2`, { token: again.accessToken });
    expect(last.data.map((entry: Noted) => entry.action)).toEqual(['signed_in', 'signed_out']);
  });

  test('deleting the account erases its apps, and the log keeps that it was done', async () => {
    const gone = await signIn(stack.url, 'gone@example.test');
    const app = await registerApp(stack.url, gone);
    await call(`${stack.url}/collect`, { key: app.apiKey, body: { event: 'x', userId: 'u' } });
    await stack.drained();
    await call(`${stack.url}/api/auth/me`, { method: 'DELETE', token: gone.accessToken });
    const rows = async (): Promise<number> => {
      const [row] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events WHERE app_id = ?', [
        Buffer.from(app.id.replaceAll('-', ''), 'hex'),
      ]);
      return Number(row!.n);
    };
    await until(async () => (await rows()) === 0, 'the events to be erased');
    const noted = await stack.query<{ action: string }>('SELECT action FROM audit_log WHERE user_id = ? ORDER BY id', [
      Buffer.from(gone.user.id.replaceAll('-', ''), 'hex'),
    ]);
    const actions = noted.map(({ action }) => action);
    expect(actions.slice(0, 2)).toEqual(['signed_in', 'app_registered']);
    // Often of one millisecond, so in either order.
    expect(actions.slice(2).sort()).toEqual(['account_deleted', 'app_deleted']);
  });

  test('a notice 30 and 7 days before a key expires, in the list and as a metric', async () => {
    const ann = await signIn(stack.url, 'keys@example.test');
    const app = await registerApp(stack.url, ann);
    const { body: before } = await call(`${stack.url}/metrics`);
    expect(before).toMatch(/^tallystone_api_keys_expiring\{within="30d"\} 0$/m);
    for (const days of [3, 20, 60]) {
      const expiresAt = new Date(Date.now() + days * DAY).toISOString();
      await createKey(stack.url, ann, { appId: app.id, name: `${days}`, expiresAt });
    }
    const { body } = await call(`${stack.url}/api/auth/api-key?app_id=${app.id}`, { token: ann.accessToken });
    expect(body.keys.map(({ name, notice }: { name: string; notice: string }) => [name, notice])).toEqual([
      ['60', null],
      ['20', 'expires_within_30_days'],
      ['3', 'expires_within_7_days'],
      ['First key', null],
    ]);
    // Figures are good for a minute: another process tells today's at once.
    const other = await stack.startApi();
    const { body: metrics } = await call(`${other.url}/metrics`);
    expect(metrics).toMatch(/^tallystone_api_keys_expiring\{within="7d"\} 1$/m);
    expect(metrics).toMatch(/^tallystone_api_keys_expiring\{within="30d"\} 2$/m);
  });
});
