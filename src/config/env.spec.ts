import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';
import { Env } from './env.js';

const SECRETS = {
  USER_TOKEN_SECRET: 'user-secret-0123456789-abcdefghijklmn',
  KEY_TOKEN_SECRET: 'key-secret-0123456789-abcdefghijklmno',
};
const SERVICES = {
  DATABASE_URL: 'mysql://me:hunter2@db.example/stats',
  REDIS_URL: 'redis://:hunter2@redis.example:6380/3',
};
const PRODUCTION = {
  ...SERVICES,
  ...SECRETS,
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://stats.example.com',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret',
  SIGN_IN_ALLOW: '@example.com',
};

const load = (variables: Record<string, string | undefined>) => Env.load('api', variables);

/** The lines of the error, each of which begins with the variable's name. */
function faults(variables: Record<string, string | undefined>): string[] {
  try {
    load(variables);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('has the defaults of the contract', () => {
  const env = load({ ...SERVICES, ...SECRETS });
  expect(env).toMatchObject({
    nodeEnv: 'development',
    host: '127.0.0.1',
    port: 3000,
    publicUrl: 'http://127.0.0.1:3000',
    redisKeyPrefix: 'tallystone:',
    redisDurability: 'fsync',
    mysqlDurability: 'fsync',
    localSignIn: true,
    trustedProxies: ['loopback'],
    flushThreshold: 500,
    flushIntervalMs: 1000,
    bufferMaxBytes: 256 * 1024 * 1024,
    rateLimits: {
      key: 10_000,
      account: 10_000,
      address: 5000,
      key_bytes: 8_388_608,
      account_bytes: 8_388_608,
      address_bytes: 4_194_304,
      signin: 30,
      bodies: 20,
      refused_keys: 300,
      anonymous: 200,
      connections: 1000,
      reads: 600,
      changes: 120,
      regenerate: 10,
    },
    claimLeaseMs: 30_000,
    lockWaitTimeoutS: 5,
    mysqlTimeoutMs: 60_000,
    registryMaxAgeMs: 900_000,
    retentionIntervalMs: 600_000,
    copyRetentionIntervalMs: 86_400_000,
    copyTimeoutMs: 15_000,
    readyWorkerMaxAgeMs: 60_000,
    readyBacklogMaxAgeMs: 120_000,
  });
});

test('is frozen', () => {
  const env = load({ ...SERVICES, ...SECRETS }) as { port: number };
  expect(() => (env.port = 1)).toThrow(TypeError);
});

test('reads addresses of services', () => {
  const env = load({
    ...SECRETS,
    DATABASE_URL: 'mysql://root@localhost/stats?socketPath=/run/my.sock',
    REDIS_URL: 'redis+unix:///run/redis.sock',
  });
  expect(env.database).toMatchObject({ user: 'root', database: 'stats', socketPath: '/run/my.sock' });
  expect(env.redis).toMatchObject({ path: '/run/redis.sock' });
  expect(load({ ...SERVICES, ...SECRETS }).redis).toMatchObject({ host: 'redis.example', port: 6380, db: 3 });
});

test.each([
  ['localhost', 'http://localhost:3000'],
  ['stats_1.example', 'http://stats_1.example:3000'],
  ['0.0.0.0', 'http://localhost:3000'],
  ['fd00::5', 'http://[fd00::5]:3000'],
  ['fe80::1%eth0', 'http://[fe80::1]:3000'],
])('HOST=%s is people’s address, while PUBLIC_URL says no other', (host, url) => {
  expect(load({ ...SERVICES, ...SECRETS, HOST: host })).toMatchObject({ host, publicUrl: url });
});

test('takes percent-encoding in addresses of services', () => {
  const env = load({
    ...SECRETS,
    DATABASE_URL: 'mysql://me:50%25%40@db/stats',
    REDIS_URL: 'redis+unix://:%2F@localhost/run/100%25.sock?db=2',
  });
  expect(env.database.password).toBe('50%@');
  expect(env.redis).toMatchObject({ path: '/run/100%.sock', password: '/', db: 2 });
});

test('a whole production configuration is accepted', () => {
  expect(faults(PRODUCTION)).toEqual([]);
  expect(load(PRODUCTION)).toMatchObject({ https: true, localSignIn: false });
});

describe('every fault names its variable', () => {
  test.each<[string, Record<string, string | undefined>]>([
    ['NODE_ENV', { NODE_ENV: 'prod' }],
    ['PORT', { PORT: '80x' }],
    ['PORT', { PORT: '65536' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'stats.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://127.0.0.1:3000/path' }],
    ['DATABASE_URL', { DATABASE_URL: undefined }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://db/stats' }],
    ['REDIS_URL', { REDIS_URL: undefined }],
    ['REDIS_URL', { REDIS_URL: 'redis://a:1,b:2' }],
    ['REDIS_KEY_PREFIX', { REDIS_KEY_PREFIX: 'a{b}' }],
    ['REDIS_DURABILITY', { REDIS_DURABILITY: 'maybe' }],
    ['MYSQL_DURABILITY', { MYSQL_DURABILITY: 'maybe' }],
    ['USER_TOKEN_SECRET', { USER_TOKEN_SECRET: 'short' }],
    ['USER_TOKEN_SECRET', { USER_TOKEN_SECRET: 'a'.repeat(40) }],
    ['KEY_TOKEN_SECRET', { KEY_TOKEN_SECRET: `${SECRETS.KEY_TOKEN_SECRET},short` }],
    ['KEY_TOKEN_SECRET', { KEY_TOKEN_SECRET: SECRETS.USER_TOKEN_SECRET }],
    ['GOOGLE_CLIENT_SECRET', { GOOGLE_CLIENT_ID: 'id' }],
    ['GOOGLE_CLIENT_ID', { GOOGLE_CLIENT_SECRET: 'secret' }],
    ['GOOGLE_USERINFO_URL', { GOOGLE_USERINFO_URL: 'https://sso.example/me' }],
    ['SIGN_IN_ALLOW', { SIGN_IN_ALLOW: 'everybody' }],
    ['OPERATORS', { OPERATORS: '*' }],
    ['LOCAL_SIGN_IN', { LOCAL_SIGN_IN: 'perhaps' }],
    ['LOCAL_SIGN_IN', { LOCAL_SIGN_IN: 'true', HOST: '0.0.0.0' }],
    ['LOCAL_SIGN_IN', { LOCAL_SIGN_IN: 'true', PUBLIC_URL: 'https://stats.example.com' }],
    ...[
      '10.0.0.0/99',
      '10.0.0.0/33',
      '::1/129',
      '10.0.0.0/-1',
      '10.0.0.0//8',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      '/8',
      'proxy',
    ].map((list): [string, Record<string, string>] => ['TRUSTED_PROXIES', { TRUSTED_PROXIES: `loopback,${list}` }]),
    ...['a b', '127.0.0.300', '127.0.0.1:3000', '[::1]', 'http://localhost', '-a', 'a..b'].map(
      (host): [string, Record<string, string>] => ['HOST', { HOST: host }],
    ),
    ['DATABASE_URL', { DATABASE_URL: 'mysql://me:50%@db/stats' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://%ff@db/stats' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://db/st%ats' }],
    ['REDIS_URL', { REDIS_URL: 'redis://:50%@cache' }],
    ['REDIS_URL', { REDIS_URL: 'redis+unix:///run/100%.sock' }],
    ['REDIS_URL', { REDIS_URL: 'redis://cache/%' }],
    ['FLUSH_THRESHOLD', { FLUSH_THRESHOLD: '0' }],
    ['FLUSH_INTERVAL_MS', { FLUSH_INTERVAL_MS: '1s' }],
    ['BUFFER_MAX_BYTES', { BUFFER_MAX_BYTES: '1' }],
    ['RATE_LIMITS', { RATE_LIMITS: 'key=0' }],
    ['RATE_LIMITS', { RATE_LIMITS: 'person=5' }],
    ['RATE_LIMITS', { RATE_LIMITS: 'toString=5' }],
    ['LOCK_WAIT_TIMEOUT_S', { LOCK_WAIT_TIMEOUT_S: '0' }],
    ['MYSQL_TIMEOUT_MS', { MYSQL_TIMEOUT_MS: '5000' }],
  ])('%s %j', (name, change) => {
    const lines = faults({ ...SERVICES, ...SECRETS, ...change });
    expect(lines.some((line) => line.startsWith(`  - ${name} `))).toBe(true);
  });

  test.each(['0.0.0.0/0', '::/0', '10.0.0.0/00'])('TRUSTED_PROXIES=%s is refused with the reason', (everybody) => {
    const lines = faults({ ...SERVICES, ...SECRETS, TRUSTED_PROXIES: everybody });
    expect(lines.join()).toContain('TRUSTED_PROXIES must not trust every address');
  });

  test.each([
    ['redis://cache/0?timeout=5', 'timeout', 'none'],
    ['redis://cache?db=1', 'db', 'none'],
    ['redis+unix:///run/redis.sock?db=1&tls=on', 'tls', 'db'],
  ])('REDIS_URL=%s: a setting that is not known is named', (url, setting, known) => {
    const lines = faults({ ...SERVICES, ...SECRETS, REDIS_URL: url });
    expect(lines).toContain(`  - REDIS_URL has an unknown setting "${setting}" (known: ${known})`);
  });

  test('all at once, and never with a value', () => {
    const lines = faults({
      ...SERVICES,
      ...SECRETS,
      PORT: 'hunter2',
      USER_TOKEN_SECRET: 'hunter2',
      RATE_LIMITS: 'hunter2',
    });
    expect(lines.join('\n')).toMatch(/PORT[\s\S]*USER_TOKEN_SECRET[\s\S]*RATE_LIMITS|USER_TOKEN_SECRET[\s\S]*PORT/);
    expect(lines.join('\n')).not.toContain('hunter2');
  });
});

describe('production requires', () => {
  test.each(['PUBLIC_URL', 'USER_TOKEN_SECRET', 'KEY_TOKEN_SECRET', 'GOOGLE_CLIENT_ID', 'SIGN_IN_ALLOW'])(
    '%s',
    (name) => {
      expect(faults({ ...PRODUCTION, [name]: undefined }).some((line) => line.includes(name))).toBe(true);
    },
  );

  test('https unless loopback, and no local sign-in', () => {
    expect(faults({ ...PRODUCTION, PUBLIC_URL: 'http://stats.example.com' }).join()).toContain('PUBLIC_URL');
    expect(faults({ ...PRODUCTION, PUBLIC_URL: 'http://localhost:3000' })).toEqual([]);
    expect(faults({ ...PRODUCTION, LOCAL_SIGN_IN: 'true' }).join()).toContain('LOCAL_SIGN_IN');
  });
});

describe('local sign-in is off by default', () => {
  test.each<[string, Record<string, string>]>([
    ['where Google is set up', { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' }],
    ['where HOST is not loopback', { HOST: '0.0.0.0' }],
    ['where people come by another name', { PUBLIC_URL: 'https://stats.example.com' }],
  ])('%s', (_where, change) => {
    expect(load({ ...SERVICES, ...SECRETS, ...change }).localSignIn).toBe(false);
  });
});

describe('secrets', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tallystone-env-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('are made once, kept with mode 0600, and differ', () => {
    const [first, second] = [load({ ...SERVICES, DATA_DIR: folder }), load({ ...SERVICES, DATA_DIR: folder })];
    expect(first.userTokenSecrets![0].kid).toBe(second.userTokenSecrets![0].kid);
    expect(first.userTokenSecrets![0].kid).not.toBe(first.keyTokenSecrets![0].kid);
    expect(statSync(join(folder, 'secrets', 'user_token_secret')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'secrets', 'user_token_secret'), 'utf8').trim().length).toBeGreaterThanOrEqual(32);
  });

  test('may come from a file, and rotate in a list', () => {
    const file = join(folder, 'key');
    writeFileSync(file, `${SECRETS.KEY_TOKEN_SECRET},another-secret-0123456789-abcdefghijk\n`);
    const env = load({ ...SERVICES, USER_TOKEN_SECRET: SECRETS.USER_TOKEN_SECRET, KEY_TOKEN_SECRET_FILE: file });
    expect(env.keyTokenSecrets).toHaveLength(2);
    expect(env.keyTokenSecrets![0].kid).toBe(load({ ...SERVICES, ...SECRETS }).keyTokenSecrets![0].kid);
  });
});
