import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';

const DAY = 86_400_000;
const YEAR = 365.25 * DAY;
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
