import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { holding, untilBlocked } from '../support/locks.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

describe('API keys that two requests change at once', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string };
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
  });
  afterAll(() => stack?.stop());

  const ask = (path: string, body: unknown) => call(`${stack.url}/api/auth/${path}`, { token: ann.accessToken, body });
  const idOf = (keyId: string) => Buffer.from(keyId.replaceAll('-', ''), 'hex');
  const revokedAt = async (keyId: string) => {
    const [row] = await stack.query<{ at: Date }>('SELECT revoked_at AS at FROM api_keys WHERE id = ?', [idOf(keyId)]);
    return row!.at.getTime();
  };

  test('a regeneration that meets a revocation does not let the key live on', async () => {
    const key = await createKey(stack.url, ann, { appId: app.id });
    await holding(
      stack,
      (revocation) =>
        revocation.query('UPDATE api_keys SET revoked_at = UTC_TIMESTAMP(3) WHERE id = ?', [idOf(key.keyId)]),
      async (revocation) => {
        const regenerated = ask('regenerate', { keyId: key.keyId, overlapSeconds: 600 });
        await untilBlocked(stack);
        await revocation.commitTransaction();
        expect((await regenerated).status).toBe(201);
      },
    );
    expect(await revokedAt(key.keyId)).toBeLessThan(Date.now() + 1000);
    await until(async () => {
      const { body } = await call(`${stack.url}/api/auth/api-key/self`, { key: key.apiKey });
      return body.code === 'key_revoked';
    }, 'the key to be refused');
  });

  test.each([undefined, null, 0])('without an overlap (%s) the old key ends at once', async (overlapSeconds) => {
    const { keyId } = await createKey(stack.url, ann, { appId: app.id });
    expect((await ask('regenerate', { keyId, overlapSeconds })).status).toBe(201);
    expect(await revokedAt(keyId)).toBeLessThan(Date.now() + 1000);
  });

  test('a revocation that meets an earlier one does not put the key’s death off', async () => {
    const key = await createKey(stack.url, ann, { appId: app.id });
    await holding(
      stack,
      (first) =>
        first.query('UPDATE api_keys SET revoked_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR WHERE id = ?', [
          idOf(key.keyId),
        ]),
      async (first) => {
        const revoked = ask('revoke', { keyId: key.keyId });
        await untilBlocked(stack);
        await first.commitTransaction();
        expect((await revoked).status).toBe(200);
      },
    );
    expect(await revokedAt(key.keyId)).toBeLessThan(Date.now() - 3_000_000);
  });

  test('the key’s death after an overlap goes by the database’s clock', async () => {
    const api = await stack.startApi({
      NODE_OPTIONS: '--import ./test/support/shifted-clock.mjs',
      CLOCK_AHEAD_MS: '60000',
    });
    const key = await createKey(stack.url, ann, { appId: app.id });
    const body = { keyId: key.keyId, overlapSeconds: 600 };
    expect((await call(`${api.url}/api/auth/regenerate`, { token: ann.accessToken, body })).status).toBe(201);
    expect((await revokedAt(key.keyId)) - Date.now()).toBeLessThan(601_000);
  });
});
