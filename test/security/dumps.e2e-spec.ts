import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FaultServices } from '../faults/services.js';
import { Browser, call, createKey, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const EMAIL = 'someone.secret@private.example.test';
const ADDRESS = '198.51.100.77';

describe('what stays behind after use', () => {
  let services: FaultServices;
  let stack: Stack;
  beforeAll(async () => {
    services = await FaultServices.start();
    stack = await startStack({
      services: services.urls,
      env: { LOG_LEVEL: 'debug', LOCAL_SIGN_IN: 'true', TRUSTED_PROXIES: '127.0.0.1/32' },
    });
  });
  afterAll(async () => {
    await stack?.stop();
    await services?.stop();
  });

  test('dumps of MySQL, Redis, its file and the logs hold no key, token, cookie, and the logs no e-mail or address', async () => {
    const ann = await signIn(stack.url, EMAIL);
    const token = ann.accessToken;
    const browser = new Browser();
    await browser.open(`${stack.url}/api/auth/google?login_hint=${encodeURIComponent(EMAIL)}`);
    const app = await registerApp(stack.url, ann);
    const read = await createKey(stack.url, ann, { appId: app.id, scopes: ['read', 'write'] });
    const ask = (path: string, body?: unknown, headers = {}) => call(`${stack.url}${path}`, { token, body, headers });
    const renewed = (await call(`${stack.url}/auth/refresh`, { body: { refreshToken: ann.refreshToken } })).body;
    const regenerated = (await ask('/api/auth/regenerate', { keyId: read.keyId, overlapSeconds: 60 })).body;
    await ask('/api/auth/api-key/reveal', { keyId: app.keyId });
    // The key at every place it may come from, good and bad payloads, and errors that tell of the request.
    const event = { event: 'used', userId: 'u' };
    const from = { 'x-forwarded-for': ADDRESS };
    for (const body of [event, { event: 7 }, '{broken', 'x'.repeat(3000)]) {
      await call(`${stack.url}/collect`, { key: app.apiKey, body, headers: from });
      await call(`${stack.url}/collect`, { headers: { ...from, authorization: `Bearer ${app.apiKey}` }, body });
    }
    await call(`${stack.url}/collect`, { body: { ...event, apiKey: app.apiKey } });
    await call(`${stack.url}/collect/batch`, { body: { events: [event], apiKey: app.apiKey } });
    await call(`${stack.url}/collect/batch`, { key: app.apiKey, body: { events: [{ ...event, apiKey: app.apiKey }] } });
    await call(`${stack.url}/analytics/event-summary?event=used`, { key: read.apiKey });
    await call(`${stack.url}/analytics/event-summary?startDate=${app.apiKey}`, { key: read.apiKey });
    await call(`${stack.url}/api/auth/api-key/self`, { key: read.apiKey });
    await call(`${stack.url}/nowhere/${app.apiKey}?key=${app.apiKey}`);
    await call(`${stack.url}/api/auth/google/callback?code=${app.apiKey}&state=${app.apiKey}`);
    await ask('/api/auth/revoke', { apiKey: app.apiKey });
    await call(`${stack.url}/collect`, { key: app.apiKey, body: event });
    await call(`${stack.url}/health`, { headers: { 'x-request-id': 'a\tb', 'user-agent': 'x{"level":"fatal"}' } });
    await call(`${stack.url}/collect`, { key: read.apiKey, body: { event: 'line\n{"level":"fatal","msg":"forged"}' } });
    await ask('/api/auth/logout', {});
    await stack.drained();

    const secrets = [
      app.apiKey,
      read.apiKey,
      regenerated.apiKey,
      token,
      ann.refreshToken,
      renewed.refreshToken,
      renewed.accessToken,
      ...Object.values(browser.cookies),
      ...Object.values(ann.cookies),
    ].filter((text) => text.length > 20);
    expect(secrets.length).toBeGreaterThan(8);
    const signatures = secrets.map((secret) => secret.split('.').at(-1)!);
    const found = (bytes: Buffer) => [...secrets, ...signatures].some((secret) => bytes.includes(secret));
    const places: string[] = [];
    for (const [name, bytes] of [
      ...(await tables(stack)),
      ...(await redisKeys(stack)),
      ...redisFiles(services.folder),
    ]) {
      if (found(bytes)) places.push(name);
      if (bytes.includes(ADDRESS)) places.push(`${name}: full address`);
    }
    const logs = [...stack.apis.map((api) => api.process), ...stack.workers].map((process) => process.text).join('\n');
    if (found(Buffer.from(logs))) places.push('logs');
    expect(places).toEqual([]);
    expect(logs).not.toContain(EMAIL);
    expect(logs).not.toContain('private.example');
    expect(logs).not.toContain(ADDRESS);
    expect(logs).not.toMatch(/^\{"level":"fatal"/m);
    // Every line is one record: nothing that came from outside began a line of its own. (The stand-in's library greets.)
    for (const line of logs.split('\n').filter((text) => text && !text.startsWith('oidc-provider '))) {
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    }
  });

  test('logs tell that MySQL and Redis failed, not what they were asked', async () => {
    const eve = 'eve.secret@private.example.test';
    await stack.query('RENAME TABLE sessions TO sessions_away');
    const { status } = await call(`${stack.url}/api/auth/google?login_hint=${encodeURIComponent(eve)}`);
    expect(status).toBeLessThan(500);
    await signIn(stack.url, eve).catch(() => undefined);
    await stack.query('RENAME TABLE sessions_away TO sessions, users TO users_away');
    await signIn(stack.url, eve).catch(() => undefined);
    await stack.query('RENAME TABLE users_away TO users');
    const app = await registerApp(stack.url, await signIn(stack.url, eve));
    services.signal('redis', 'SIGKILL');
    const event = { event: 'while away', userId: 'eve-the-visitor', ipAddress: ADDRESS };
    await until(async () => {
      const answer = await call(`${stack.url}/collect`, { key: app.apiKey, body: event });
      return answer.status === 503;
    }, 'Redis to be missed');
    const records = stack.apis.flatMap((api) => api.process.records);
    const failures = records.filter(({ level, err }) => (level === 'error' || level === 'warn') && err !== undefined);
    expect(failures.some(({ err }) => (err as { code?: string }).code === 'ER_NO_SUCH_TABLE')).toBe(true);
    const logs = stack.apis.map((api) => api.process.text).join('\n');
    for (const text of [eve, 'private.example', 'eve-the-visitor', ADDRESS, 'INSERT INTO']) {
      expect(logs).not.toContain(text);
    }
  });
});

async function tables(stack: Stack): Promise<[string, Buffer][]> {
  const names = await stack.query<{ name: string }>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
  );
  const dumps = names.map(async ({ name }): Promise<[string, Buffer]> => {
    const rows = await stack.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
    const values = rows.flatMap((row) => Object.values(row));
    return [
      name,
      Buffer.concat(values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(`${String(value)}\n`)))),
    ];
  });
  return Promise.all(dumps);
}

async function redisKeys(stack: Stack): Promise<[string, Buffer][]> {
  const dumps: [string, Buffer][] = [];
  for await (const keys of stack.redis.scanStream({ match: '*', count: 1000 })) {
    for (const key of keys as string[]) {
      const bytes = await stack.redis.dumpBuffer(key);
      dumps.push([`key ${key}`, Buffer.concat([Buffer.from(key), bytes ?? Buffer.alloc(0)])]);
    }
  }
  expect(dumps.length).toBeGreaterThan(0);
  return dumps;
}

function redisFiles(folder: string): [string, Buffer][] {
  const files = readdirSync(join(folder, 'redis'), { recursive: true })
    .map((name) => join(folder, 'redis', String(name)))
    .filter((path) => statSync(path).isFile());
  expect(files.some((path) => path.endsWith('.aof'))).toBe(true);
  return files.map((path) => [path, readFileSync(path)]);
}
