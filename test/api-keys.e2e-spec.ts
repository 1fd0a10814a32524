import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

describe('apps and API keys', () => {
  let stack: Stack;
  let ann: Signed;
  let bob: Signed;
  let app: { id: string; apiKey: string; keyId: string };
  beforeAll(async () => {
    stack = await startStack({ apis: 2, workers: 0 });
    ann = await signIn(stack.url);
    bob = await signIn(stack.url, 'bob@example.test');
    app = await registerApp(stack.url, ann, { name: 'Shop', timeZone: 'Europe/Berlin', platform: 'web' });
  });
  afterAll(() => stack?.stop());

  const api = (path: string, options: Parameters<typeof call>[1] = {}) => call(`${stack.url}${path}`, options);
  const asAnn = (path: string, body?: unknown, method?: string) => api(path, { token: ann.accessToken, body, method });
  const self = (key: string, url = stack.url) => call(`${url}/api/auth/api-key/self`, { key });
  const rawKeys = () => stack.query<Record<string, unknown>>('SELECT * FROM api_keys');

  describe('apps', () => {
    test('register answers the app and a first key, at both addresses', async () => {
      for (const path of ['/api/auth/register', '/api/apps', '/auth/register']) {
        const { status, body, headers } = await asAnn(path, {
          name: 'Blog',
          url: 'https://blog.example',
          time_zone: 'UTC',
        });
        expect(status).toBe(201);
        expect(body).toMatchObject({
          app: { name: 'Blog', url: 'https://blog.example', timeZone: 'UTC', ipMode: 'truncated', retentionDays: null },
          expiresAt: null,
        });
        expect(headers.get('cache-control')).toBe('no-store');
        expect((await self(body.apiKey)).body).toMatchObject({
          app: { id: body.app.id, name: 'Blog' },
          scopes: ['write'],
        });
      }
    });

    test('list, read, change', async () => {
      const { body } = await asAnn('/api/apps');
      expect(body.nextCursor).toBeNull();
      expect(body.data[0]).toMatchObject({ id: app.id, name: 'Shop', timeZone: 'Europe/Berlin', platform: 'web' });
      const changed = await asAnn(`/api/apps/${app.id}`, { name: 'Store', retentionDays: 90, ipMode: 'none' }, 'PATCH');
      expect(changed.body).toMatchObject({ name: 'Store', retentionDays: 90, ipMode: 'none', platform: 'web' });
      const back = await asAnn(`/api/apps/${app.id}`, { retentionDays: null, ipMode: 'truncated' }, 'PATCH');
      expect(back.body).toMatchObject({ name: 'Store', retentionDays: null });
    });

    test.each([
      [{}, 'name'],
      [{ name: '' }, 'name'],
      [{ name: 5 }, 'name'],
      [{ name: 'x'.repeat(201) }, 'name'],
      [{ name: 'a\u0000b' }, 'name'],
      [{ name: 'x', url: 'javascript:alert(1)' }, 'url'],
      [{ name: 'x', platform: 'fridge' }, 'platform'],
      [{ name: 'x', timeZone: 'Mars/Olympus' }, 'timeZone'],
      [{ name: 'x', timeZone: '+02:00' }, 'timeZone'],
      [{ name: 'x', hosts: ['https://shop.example'] }, 'hosts'],
      [{ name: 'x', ownerId: bob?.user.id ?? 'x' }, 'ownerId'],
    ])('a wrong app is a 400 that names the field (%#)', async (body, field) => {
      const answer = await asAnn('/api/apps', body);
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].field).toBe(field);
    });

    test.each([
      [{ name: null }, 'name'],
      [{ timeZone: null }, 'timeZone'],
      [{ ipMode: null }, 'ipMode'],
      [{ retentionDays: 0 }, 'retentionDays'],
      [{ retentionDays: 1.5 }, 'retentionDays'],
      [{ hosts: Array.from({ length: 51 }, (_none, i) => `h${i}.example`) }, 'hosts'],
      [{ hosts: ['a.example', 'a.example'] }, 'hosts'],
    ])('a wrong change is a 400 that names the field (%#)', async (body, field) => {
      const answer = await asAnn(`/api/apps/${app.id}`, body, 'PATCH');
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].field).toBe(field);
    });

    test('a deleted app is gone, and its keys are refused at once by every process', async () => {
      const doomed = await registerApp(stack.url, ann);
      expect((await asAnn(`/api/apps/${doomed.id}`, undefined, 'DELETE')).status).toBe(202);
      expect((await asAnn(`/api/apps/${doomed.id}`)).status).toBe(404);
      expect((await self(doomed.apiKey)).body.code).toBe('key_revoked');
      await until(
        async () => (await self(doomed.apiKey, stack.apis[1]!.url)).status === 401,
        'the other process',
        1000,
      );
    });
  });

  describe('keys', () => {
    test('only what is told of a key is kept: neither the key nor its signature is in MySQL or Redis', async () => {
      const key = await createKey(stack.url, ann, { appId: app.id, name: 'site', scopes: ['write', 'read'] });
      const [, , signature] = key.apiKey.split('.') as [string, string, string];
      const dump = JSON.stringify(await rawKeys());
      expect(dump).not.toContain(signature.slice(0, 20));
      for await (const names of stack.redis.scanStream({ match: `${stack.env.redisKeyPrefix}*` })) {
        expect(JSON.stringify(names)).not.toContain(signature.slice(0, 20));
      }
      const { body } = await asAnn(`/api/auth/api-key?app_id=${app.id}`);
      const listed = body.keys.find(({ keyId }: { keyId: string }) => keyId === key.keyId);
      expect(listed).toMatchObject({
        name: 'site',
        last4: key.apiKey.slice(-4),
        scopes: ['write', 'read'],
        revokedAt: null,
      });
      expect(JSON.stringify(body)).not.toContain(signature.slice(0, 20));
    });

    test('write-only keys do not expire; those with read do, after 365 days; both unless told', async () => {
      const inDays = (iso: string | null) => Math.round((Date.parse(iso!) - Date.now()) / 86_400_000);
      expect((await createKey(stack.url, ann, { appId: app.id })).expiresAt).toBeNull();
      expect(inDays((await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] })).expiresAt)).toBe(365);
      const told = new Date(Date.now() + 10 * 86_400_000).toISOString();
      expect(inDays((await createKey(stack.url, ann, { appId: app.id, expiresAt: told })).expiresAt)).toBe(10);
    });

    test('an expired key is refused as expired', async () => {
      const soon = new Date(Date.now() + 2000).toISOString();
      const key = await createKey(stack.url, ann, { appId: app.id, expires_at: soon });
      await until(async () => (await self(key.apiKey)).body.code === 'key_expired', 'the key to expire');
    });

    test.each([
      [{ scopes: [] }, 'scopes'],
      [{ scopes: ['admin'] }, 'scopes'],
      [{ expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
      [{ expiresAt: 'tomorrow' }, 'expiresAt'],
      [{ allowedOrigins: ['https://a.example/path'] }, 'allowedOrigins'],
      [{ allowedOrigins: ['*'] }, 'allowedOrigins'],
    ])('a wrong key is a 400 that names the field (%#)', async (wrong, field) => {
      const answer = await asAnn('/api/auth/api-key', { appId: app.id, ...wrong });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].field).toBe(field);
    });

    test('a write-only key can be shown again, the very same; one with read, revoked or expired cannot', async () => {
      const reveal = (keyId: string) => asAnn('/api/auth/api-key/reveal', { keyId });
      const writer = await createKey(stack.url, ann, { appId: app.id, allowedOrigins: ['https://shop.example'] });
      const shown = await reveal(writer.keyId);
      expect(shown.status).toBe(200);
      expect(shown.body.apiKey).toBe(writer.apiKey);
      expect(shown.headers.get('cache-control')).toBe('no-store');
      const reader = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
      expect([(await reveal(reader.keyId)).status, (await reveal(reader.keyId)).body.code]).toEqual([
        409,
        'key_can_read',
      ]);
      await asAnn('/api/auth/revoke', { keyId: writer.keyId });
      expect((await reveal(writer.keyId)).body.code).toBe('key_over');
    });

    test('a taken-away secret takes its keys with it: counted at start, 409 on reveal, 401 on use', async () => {
      const secrets = ['a', 'b'].map((letter) => `${letter}-0123456789-abcdefghijklmnopqrstuvwxyz`);
      const old = await stack.startApi({ KEY_TOKEN_SECRET: secrets[0]! });
      const made = await createKey(old.url, ann, { appId: app.id });
      const both = await stack.startApi({ KEY_TOKEN_SECRET: `${secrets[1]},${secrets[0]}` });
      expect((await self(made.apiKey, both.url)).status).toBe(200);
      const shown = await call(`${both.url}/api/auth/api-key/reveal`, {
        token: ann.accessToken,
        body: { keyId: made.keyId },
      });
      expect(shown.body.apiKey).toBe(made.apiKey);
      const fresh = await stack.startApi({ KEY_TOKEN_SECRET: secrets[1]! });
      expect((await self(made.apiKey, fresh.url)).body.code).toBe('key_malformed');
      const gone = await call(`${fresh.url}/api/auth/api-key/reveal`, {
        token: ann.accessToken,
        body: { keyId: made.keyId },
      });
      expect([gone.status, gone.body.code]).toEqual([409, 'key_secret_gone']);
      expect(fresh.process.text).toMatch(/any more: 1 API keys that it signed are refused/);
    });

    test('regenerate: a new key like the old one, which dies after the overlap', async () => {
      const old = await createKey(stack.url, ann, {
        appId: app.id,
        name: 'site',
        allowedOrigins: ['https://shop.example'],
      });
      const asPage = (key: string) =>
        call(`${stack.url}/api/auth/api-key/self`, { key, headers: { origin: 'https://shop.example' } });
      const next = await asAnn('/api/auth/regenerate', { keyId: old.keyId, overlapSeconds: 3 });
      expect(next.status).toBe(201);
      expect((await asPage(next.body.apiKey)).body).toMatchObject({
        name: 'site',
        allowedOrigins: ['https://shop.example'],
      });
      expect((await asPage(old.apiKey)).status).toBe(200);
      await until(async () => (await asPage(old.apiKey)).body.code === 'key_revoked', 'the overlap to pass');
      const now = await asAnn('/api/auth/regenerate', { keyId: next.body.keyId });
      expect((await asPage(next.body.apiKey)).body.code).toBe('key_revoked');
      expect((await asPage(now.body.apiKey)).status).toBe(200);
    });

    test('revoke, by id or by the key itself: refused by every process within a second', async () => {
      for (const by of ['keyId', 'apiKey'] as const) {
        const key = await createKey(stack.url, ann, { appId: app.id });
        expect((await self(key.apiKey, stack.apis[1]!.url)).status).toBe(200);
        const { status, body } = await asAnn('/api/auth/revoke', { [by]: key[by] });
        expect([status, typeof body.message]).toEqual([200, 'string']);
        expect((await self(key.apiKey)).body.code).toBe('key_revoked');
        await until(async () => (await self(key.apiKey, stack.apis[1]!.url)).status === 401, 'the other process', 1000);
      }
    });

    test('revoke asks for one of the two', async () => {
      expect((await asAnn('/api/auth/revoke', {})).status).toBe(400);
      expect((await asAnn('/api/auth/revoke', { apiKey: 'x' })).body.errors[0].field).toBe('apiKey');
    });

    test('last used is noted', async () => {
      const key = await createKey(stack.url, ann, { appId: app.id });
      const api = await stack.startApi();
      await self(key.apiKey, api.url);
      await api.process.stop();
      const { body } = await asAnn(`/api/auth/api-key?app_id=${app.id}`);
      const { lastUsedAt } = body.keys.find(({ keyId }: { keyId: string }) => keyId === key.keyId);
      expect(Date.now() - Date.parse(lastUsedAt)).toBeLessThan(60_000);
    });
  });

  test('nobody sees, changes or uses what is another’s: 404 on every route that takes an id', async () => {
    const asBob = (path: string, body?: unknown, method?: string) =>
      api(path, { token: bob.accessToken, body, method });
    const answers = await Promise.all([
      asBob(`/api/apps/${app.id}`),
      asBob(`/api/apps/${app.id}`, { name: 'mine' }, 'PATCH'),
      asBob(`/api/apps/${app.id}`, undefined, 'DELETE'),
      asBob(`/api/auth/api-key?app_id=${app.id}`),
      asBob('/api/auth/api-key', { appId: app.id }),
      asBob('/api/auth/api-key/reveal', { keyId: app.keyId }),
      asBob('/api/auth/regenerate', { keyId: app.keyId }),
      asBob('/api/auth/revoke', { keyId: app.keyId }),
      asBob('/api/auth/revoke', { apiKey: app.apiKey }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(9).fill(404));
    expect((await asBob('/api/apps')).body.data).toEqual([]);
    expect((await self(app.apiKey)).status).toBe(200);
  });

  test('an API key opens no user route, and a user token no key route', async () => {
    for (const path of ['/api/apps', '/api/auth/me', `/api/auth/api-key?app_id=${app.id}`]) {
      expect((await api(path, { key: app.apiKey })).body.code).toBe('wrong_token_kind');
      expect((await api(path, { token: app.apiKey })).body.code).toBe('wrong_token_kind');
    }
    expect((await api('/api/auth/api-key/self', { token: ann.accessToken })).body.code).toBe('wrong_token_kind');
    expect((await api('/api/auth/api-key/self')).body.code).toBe('key_missing');
  });
});
