import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { outcome } from '../support/sign-ins.js';
import { type Stack, startStack } from '../support/stack.js';

const DAY = 86_400_000;
const YEAR = 365.25 * DAY;
/** One to class-validator, two characters to MySQL: a heart, and the mark that makes it an emoji. */
const HEART = '\u2764\ufe0f';

/** What an app or a key is given, and the field that the answer must name. */
const TEXTS: [what: string, field: 'name' | 'url' | 'description', value: string][] = [
  ['NUL in the name', 'name', 'a\0b'],
  ['a lone surrogate in the name', 'name', 'a\ud800'],
  ['a name that only MySQL finds too long', 'name', HEART.repeat(101)],
  ['NUL in the description', 'description', 'a\0b'],
  ['a lone surrogate in the description', 'description', '\udc00a'],
  ['a description that only MySQL finds too long', 'description', HEART.repeat(501)],
  ['NUL in the url', 'url', 'https://shop.test/\0'],
  ['a lone surrogate in the url', 'url', 'https://shop.test/\ud800'],
  ['a url that only MySQL finds too long', 'url', `https://shop.test/${HEART.repeat(1020)}`],
];

describe('what is said of apps and keys', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; keyId: string };
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
  });
  afterAll(() => stack?.stop());

  const ask = (path: string, body?: unknown, method?: string) =>
    call(`${stack.url}/api${path}`, { token: ann.accessToken, body, method });
  const named = ({ status, body }: Awaited<ReturnType<typeof ask>>) => [
    status,
    body.errors?.map(({ field }: { field: string }) => field),
  ];

  test.each(TEXTS)('%s: 400 that names it, for apps and keys', async (_what, field, value) => {
    expect(named(await ask('/apps', { name: 'App', [field]: value }))).toEqual([400, [field]]);
    expect(named(await ask(`/apps/${app.id}`, { [field]: value }, 'PATCH'))).toEqual([400, [field]]);
    if (field !== 'name') return;
    expect(named(await ask('/auth/api-key', { appId: app.id, name: value }))).toEqual([400, [field]]);
  });

  test.each([
    ['PATCH', () => `/apps/${app.id}`, { retentionDays: 'x' }, 'must be an integer number'],
    ['PATCH', () => `/apps/${app.id}`, { retentionDays: 1.5 }, 'must be an integer number'],
    ['PATCH', () => `/apps/${app.id}`, { name: 42 }, 'must be a string'],
    ['POST', () => '/auth/api-key', { scopes: 'write' }, 'must be an array'],
    ['POST', () => '/auth/api-key', { allowedOrigins: 'https://x.test' }, 'must be an array'],
    [
      'POST',
      () => '/auth/api-key',
      { expiresAt: 7 },
      'must be an RFC 3339 time with an offset, as in 2024-02-20T12:34:56Z',
    ],
  ])('%s: a value of the wrong kind is told its kind and nothing else', async (method, path, wrong, message) => {
    const body = path() === '/auth/api-key' ? { appId: app.id, name: 'key', ...wrong } : wrong;
    const answer = await ask(path(), body, method);
    expect([answer.status, answer.body.errors]).toEqual([400, [{ field: Object.keys(wrong)[0], message }]]);
  });

  test.each([{}, { events: {} }, { events: 'x' }, { events: 1 }])(
    'the batch %j is told to hold a list',
    async (body) => {
      const { apiKey } = await createKey(stack.url, ann, { appId: app.id });
      const answer = await call(`${stack.url}/collect/batch`, { key: apiKey, body });
      expect([answer.status, answer.body.errors]).toEqual([400, [{ field: 'events', message: 'must be an array' }]]);
    },
  );

  test('what is just short enough is kept as it came', async () => {
    const longest = {
      name: HEART.repeat(100),
      description: '😀'.repeat(1000),
      url: `https://shop.test/${'x'.repeat(2030)}`,
    };
    const { status, body } = await ask('/apps', longest);
    expect([status, body.app]).toEqual([201, expect.objectContaining(longest)]);
    const { keyId } = await createKey(stack.url, ann, { appId: app.id, name: HEART.repeat(100) });
    const keys = (await ask(`/auth/api-key?app_id=${app.id}`)).body.keys as { keyId: string; name: string }[];
    expect(keys.find((key) => key.keyId === keyId)!.name).toBe(HEART.repeat(100));
  });

  test.each([
    '9999-12-31T23:59:59-05:00',
    '9999-12-31T23:59:59Z',
    new Date(Date.now() + 100 * YEAR + 2 * DAY).toISOString(),
  ])('a key until %s: 400 that names expiresAt', async (expiresAt) => {
    expect(named(await ask('/auth/api-key', { appId: app.id, expiresAt }))).toEqual([400, ['expiresAt']]);
  });

  test('a key for 99 years is one, and one from before the rule is regenerated for no more than 100', async () => {
    const expiresAt = new Date(Date.now() + 99 * YEAR).toISOString();
    const { keyId } = await createKey(stack.url, ann, { appId: app.id, expiresAt });
    expect((await ask('/auth/regenerate', { keyId, overlapSeconds: 60 })).status).toBe(201);
    await stack.query("UPDATE api_keys SET expires_at = '9999-12-31 23:59:59' WHERE id = UNHEX(?)", [
      keyId.replaceAll('-', ''),
    ]);
    const { status, body } = await ask('/auth/regenerate', { keyId });
    expect(status).toBe(201);
    expect((Date.parse(body.expiresAt) - Date.now()) / YEAR).toBeCloseTo(100, 1);
  });
});

describe('how many there may be', () => {
  let stack: Stack;
  let ann: Signed;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    ann = await signIn(stack.url);
  });
  afterAll(() => stack?.stop());

  const ask = (path: string, body?: unknown, method?: string) =>
    call(`${stack.url}/api${path}`, { token: ann.accessToken, body, method });
  const hex = (id: string) => id.replaceAll('-', '');
  const codes = async (answers: ReturnType<typeof ask>[]) =>
    (await Promise.all(answers)).map((answer) => (answer.status < 300 ? answer.status : outcome(answer))).sort();

  test('1,000 apps an account: of three at once, for which there is room for one, one is registered', async () => {
    await registerApp(stack.url, ann);
    const rows = Array.from(
      { length: 998 },
      (_none, index) => `(LEFT(UNHEX(SHA2('app ${index}', 256)), 16), UNHEX(?), 'App')`,
    );
    const owner = Array<string>(998).fill(hex(ann.user.id));
    await stack.query(`INSERT INTO apps (id, owner_id, name) VALUES ${rows.join(', ')}`, owner);
    const register = () => ask('/apps', { name: 'One more' });
    expect(await codes([register(), register(), register()])).toEqual([201, '409 too_many_apps', '409 too_many_apps']);
    const { body } = await register();
    expect(body.detail).toMatch(/1,000 apps.*DELETE \/api\/apps\/\{id\}/);
    const [first] = (await ask('/apps')).body.data as { id: string }[];
    expect((await ask(`/apps/${first!.id}`, undefined, 'DELETE')).status).toBe(202);
    expect((await register()).status).toBe(201);
  });

  test('1,000 good keys an app: of three at once, for which there is room for one, one is made', async () => {
    const bob = await signIn(stack.url, 'bob@example.test');
    const app = await registerApp(stack.url, bob);
    const asBob = (path: string, body: unknown) =>
      call(`${stack.url}/api/auth/${path}`, { token: bob.accessToken, body });
    const insert = (count: number, name: string, revoked: string, expires: string) => {
      const rows = Array.from(
        { length: count },
        (_none, i) =>
          `(LEFT(UNHEX(SHA2('${name} ${i}', 256)), 16), UNHEX(?), '${name}', 'last', 'write', 'kid', NOW(), ${revoked}, ${expires})`,
      );
      const columns = 'id, app_id, name, last_4, scopes, kid, issued_at, revoked_at, expires_at';
      return stack.query(`INSERT INTO api_keys (${columns}) VALUES ${rows.join(', ')}`, Array(count).fill(hex(app.id)));
    };
    await insert(998, 'good', 'NULL', 'NULL');
    await insert(5, 'revoked', 'NOW(3) - INTERVAL 1 DAY', 'NULL');
    await insert(5, 'expired', 'NULL', 'NOW() - INTERVAL 1 DAY');
    const create = () => asBob('api-key', { appId: app.id });
    expect(await codes([create(), create(), create()])).toEqual([201, '409 too_many_keys', '409 too_many_keys']);
    expect((await create()).body.detail).toMatch(/1,000 .*keys.*POST \/api\/auth\/revoke/);
    const again = (overlapSeconds: number) => asBob('regenerate', { keyId: app.keyId, overlapSeconds });
    expect(outcome(await again(60))).toBe('409 too_many_keys');
    // With no overlap there is one as before.
    const next = await again(0);
    expect(next.status).toBe(201);
    await asBob('revoke', { keyId: next.body.keyId });
    expect((await create()).status).toBe(201);
  });

  test('the document says so', async () => {
    const { paths, components } = (await call(`${stack.url}/api-docs-json`)).body;
    for (const [path, code] of [
      ['/api/apps', 'too_many_apps'],
      ['/api/auth/register', 'too_many_apps'],
      ['/api/auth/api-key', 'too_many_keys'],
      ['/api/auth/regenerate', 'too_many_keys'],
    ]) {
      const { summary = '', description = '', responses } = paths[path!].post;
      expect([path, summary + description]).toEqual([path, expect.stringContaining('1,000')]);
      expect(responses[409].$ref).toBe('#/components/responses/Conflict');
      expect(components.responses.Conflict.description).toContain(code!);
    }
    expect(paths['/api/apps'].get.responses[409]).toBeUndefined();
  });
});
