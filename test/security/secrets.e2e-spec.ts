import { FaultServices } from '../faults/services.js';
import { call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const OLD = 'the old secret which is long enough for everybody';
const NEW = 'the new secret which is long enough for everybody';

/** The two kinds of token need secrets of their own. */
const both = (value: string) => ({
  USER_TOKEN_SECRET: value,
  KEY_TOKEN_SECRET: value.replaceAll('secret', 'secret of keys'),
});

describe('secrets', () => {
  test.each([
    ['USER_TOKEN_SECRET', 'short'],
    ['KEY_TOKEN_SECRET', 'x'.repeat(31)],
    ['USER_TOKEN_SECRET', undefined],
    ['KEY_TOKEN_SECRET', undefined],
    ['KEY_TOKEN_SECRET', `${OLD},short`],
  ])('in production %s=%p refuses to start, naming the variable and not its value', async (name, value) => {
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://tally.example.test',
      DATABASE_URL: 'mysql://root@127.0.0.1:1/none',
      REDIS_URL: 'redis://127.0.0.1:1',
      SIGN_IN_ALLOW: '*',
      GOOGLE_CLIENT_ID: 'id',
      GOOGLE_CLIENT_SECRET: 'secret',
      USER_TOKEN_SECRET: OLD,
      KEY_TOKEN_SECRET: NEW,
    };
    if (value === undefined) delete env[name];
    else env[name] = value;
    const server = ServerProcess.start('main', env);
    expect(await server.ended()).toBe(1);
    expect(server.text).toContain(name);
    for (const secret of [OLD, NEW, ...(value?.split(',') ?? [])]) {
      if (secret !== 'short') expect(server.text).not.toContain(secret);
    }
  });

  describe('rotated under load', () => {
    let stack: Stack;
    let ann: Signed;
    beforeAll(async () => {
      stack = await startStack({ apis: 0, workers: 0, env: both(OLD) });
    });
    afterAll(() => stack?.stop());

    test('new one last everywhere, then first everywhere, then the old one away: no valid token is refused', async () => {
      await stack.startApi();
      await stack.startApi();
      ann = await signIn(stack.url);
      const app = await registerApp(stack.url, ann);
      const keys = [(await createKey(stack.url, ann, { appId: app.id, scopes: ['read', 'write'] })).apiKey];
      const tokens = [ann.accessToken];
      const refused: string[] = [];
      let asked = 0;
      let stopping = false;
      const ask = async (url: string, how: { key?: string; token?: string }): Promise<void> => {
        // A process that is just being restarted answers nobody, or 503.
        const answer = await call(url, how).catch(() => undefined);
        asked += 1;
        if (answer && answer.status !== 200 && answer.status !== 503)
          refused.push(`${answer.status} ${answer.body.code}`);
      };
      const load = (async () => {
        while (!stopping) {
          for (const { url } of [...stack.apis]) {
            for (const key of keys) await ask(`${url}/api/auth/api-key/self`, { key });
            for (const token of tokens) await ask(`${url}/api/auth/me`, { token });
          }
        }
      })();
      const secrets = async (value: string): Promise<void> => {
        for (const api of [...stack.apis]) {
          await api.process.stop();
          stack.apis.splice(stack.apis.indexOf(api), 1);
          const { url } = await stack.startApi(both(value));
          // What this process signs now must be good everywhere.
          const fresh = await signIn(url);
          tokens.push(fresh.accessToken);
          keys.push((await createKey(url, fresh, { appId: app.id, scopes: ['read', 'write'] })).apiKey);
        }
      };
      await secrets(`${OLD},${NEW}`);
      await secrets(`${NEW},${OLD}`);
      expect(refused).toEqual([]);
      // Those that the old secret signed die with it: they are told beforehand, and are no valid tokens any more.
      const dying = keys.splice(0, 3);
      tokens.splice(0, 3);
      await secrets(NEW);
      stopping = true;
      await load;
      expect(refused).toEqual([]);
      expect(asked).toBeGreaterThan(100);
      for (const key of dying)
        expect((await call(`${stack.url}/api/auth/api-key/self`, { key })).body.code).toBe('key_malformed');
      expect(stack.apis.at(-1)!.process.text).toMatch(/4 API keys that it signed are refused/);
    }, 120_000);
  });

  describe('revoked', () => {
    let services: FaultServices;
    let stack: Stack;
    let ann: Signed;
    let app: { id: string };
    beforeAll(async () => {
      services = await FaultServices.start();
      stack = await startStack({ apis: 2, workers: 0, services: services.urls });
      ann = await signIn(stack.url);
      app = await registerApp(stack.url, ann);
    }, 60_000);
    afterAll(async () => {
      await stack?.stop();
      await services?.stop();
    }, 60_000);

    /** Milliseconds from the 200 of revoke until every process refuses the key. */
    const revoke = async (disturb: () => unknown): Promise<number> => {
      const key = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
      const self = ({ url }: { url: string }) => call(`${url}/api/auth/api-key/self`, { key: key.apiKey });
      for (const api of stack.apis) expect((await self(api)).status).toBe(200);
      await disturb();
      const { status } = await call(`${stack.url}/api/auth/revoke`, {
        token: ann.accessToken,
        body: { keyId: key.keyId },
      });
      expect(status).toBe(200);
      const answered = Date.now();
      await until(async () => {
        const answers = await Promise.all(stack.apis.map(self));
        return answers.every(({ body }) => body.code === 'key_revoked');
      }, 'every process to refuse the key');
      return Date.now() - answered;
    };

    test('contract §3: refused by every process within 1 s', async () => {
      expect(await revoke(() => undefined)).toBeLessThan(1000);
    });

    test('also while Redis is away', async () => {
      expect(await revoke(() => services.signal('redis', 'SIGSTOP'))).toBeLessThan(1000);
      services.signal('redis', 'SIGCONT');
      await until(
        () =>
          stack.redis.ping().then(
            () => true,
            () => false,
          ),
        'Redis to answer again',
        30_000,
      );
    });

    test('also after Redis was emptied', async () => {
      expect(await revoke(() => stack.redis.flushall())).toBeLessThan(1000);
    });
  });
});
