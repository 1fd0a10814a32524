import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { forge, takeApart } from './forged-tokens.js';

const SECRET = 'the secret of analytics tokens which is long enough for this';
const APPS = 12;

describe('what an API key says of itself', () => {
  let stack: Stack;
  let ann: Signed;
  /** A process that hears of no change through Redis, and reads MySQL as rarely as it may. */
  let deaf: string;
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { KEY_TOKEN_SECRET: SECRET } });
    const variables = { REDIS_KEY_PREFIX: `${stack.env.redisKeyPrefix}deaf:`, REGISTRY_POLL_MS: '900' };
    deaf = (await stack.startApi(variables)).url;
    ann = await signIn(stack.url);
  });
  afterAll(() => stack?.stop());

  const post = (key: string, url = stack.url) => call(`${url}/collect`, { key, body: { event: 'x' } });
  const reveal = async (keyId: string) =>
    (await call(`${stack.url}/api/auth/api-key/reveal`, { token: ann.accessToken, body: { keyId } })).body;

  test('is nothing of the account', async () => {
    const app = await registerApp(stack.url, ann);
    const read = await createKey(stack.url, ann, { appId: app.id, scopes: ['read', 'write'], allowedOrigins: [] });
    for (const { apiKey } of [app, read]) {
      const { header, claims } = takeApart(apiKey);
      expect(Object.keys(claims).sort()).toEqual(
        expect.arrayContaining(['app', 'aud', 'iat', 'iss', 'jti', 'scope', 'typ']),
      );
      expect(claims).not.toHaveProperty('acc');
      const owner = ann.user.id.replaceAll('-', '');
      const text = JSON.stringify([header, claims]).toLowerCase().replaceAll('-', '');
      expect(text).not.toContain(owner);
      expect(text).not.toContain(Buffer.from(owner, 'hex').toString('base64url').toLowerCase());
      expect((await post(apiKey)).status).toBe(202);
    }
    expect((await reveal(app.keyId)).apiKey).toBe(app.apiKey);
  });

  test('was more once: such a key works on, and is shown again letter by letter', async () => {
    const app = await registerApp(stack.url, ann);
    const { header, claims } = takeApart(app.apiKey);
    const { jti, app: appId, ...rest } = claims;
    const old = forge({ header, claims: { jti, app: appId, acc: ann.user.id.replaceAll('-', ''), ...rest } }, SECRET);
    const id = Buffer.from(app.keyId.replaceAll('-', ''), 'hex');
    await stack.query('UPDATE api_keys SET claims = DEFAULT, last_4 = ? WHERE id = ?', [old.slice(-4), id]);
    expect((await post(old)).status).toBe(202);
    expect((await reveal(app.keyId)).apiKey).toBe(old);
    const body = { keyId: app.keyId };
    const { body: made } = await call(`${stack.url}/api/auth/regenerate`, { token: ann.accessToken, body });
    expect(takeApart(made.apiKey as string).claims).not.toHaveProperty('acc');
  });

  test('an old key whose account is another than its app’s counts for that of the app', async () => {
    const app = await registerApp(stack.url, ann);
    const { header, claims } = takeApart(app.apiKey);
    const other = forge({ header, claims: { ...claims, acc: '0'.repeat(32) } }, SECRET);
    await stack.query("UPDATE users SET locked_at = UTC_TIMESTAMP(3) WHERE email = 'ann@example.test'");
    await until(async () => (await post(other)).body.code === 'account_locked', 'the lock');
    await stack.query("UPDATE users SET locked_at = NULL WHERE email = 'ann@example.test'");
    await until(async () => (await post(other)).status === 202, 'the key to work again');
  });

  test('is enough in a process that has not heard of the app yet: a fresh key is never refused', async () => {
    for (let i = 0; i < APPS; i += 1) {
      const app = await registerApp(stack.url, ann);
      const answers = await Promise.all([post(app.apiKey, deaf), post(app.apiKey, deaf)]);
      expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    }
    const app = await registerApp(stack.url, ann);
    const { apiKey } = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    expect((await call(`${deaf}/api/auth/api-key/self`, { key: apiKey })).status).toBe(200);
    expect((await call(`${deaf}/api/analytics/event-summary`, { key: apiKey })).status).toBe(200);
  });

  test('is not enough for an app that MySQL does not know either', async () => {
    const { apiKey } = await registerApp(stack.url, ann);
    const { header, claims } = takeApart(apiKey);
    const lost = forge({ header, claims: { ...claims, app: 'f'.repeat(32) } }, SECRET);
    await until(async () => (await post(lost)).body.code === 'key_revoked', 'the key to be refused');
    expect((await post(apiKey)).status).toBe(202);
  });
});
