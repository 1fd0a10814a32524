import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeEnvelope } from '../src/events/envelope.js';
import { uuidV7 } from '../src/events/event-id.js';
import { call, createKey, registerApp, signIn } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { Relay } from './support/relay.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const READY = { redis: 'ok', mysql: 'ok', backlog: 'ok', worker: 'ok', revocations: 'ok' };
const REDIS_USER = `tallystone_test_${process.pid}`;

describe('health', () => {
  let stack: Stack;
  let redis: Relay;
  let mysql: Relay;
  let url: string;
  let key: string;
  let readKey: string;

  beforeAll(async () => {
    stack = await startStack({
      apis: 0,
      workers: 0,
      env: {
        READY_WORKER_MAX_AGE_MS: '1000',
        READY_BACKLOG_MAX_AGE_MS: '1000',
        REGISTRY_MAX_AGE_MS: '2500',
        BUFFER_MAX_BYTES: String(1024 * 1024),
      },
    });
    const { path, host, port, db } = stack.env.redis;
    redis = await Relay.to(path ? { path } : { host, port: port! });
    const { socketPath, host: dbHost, port: dbPort, user, password, database } = stack.env.database;
    mysql = await Relay.to(socketPath ? { path: socketPath } : { host: dbHost, port: dbPort! });
    // A Redis user of our own can lose the right to write without anybody else noticing.
    await stack.redis.call('ACL', 'SETUSER', REDIS_USER, 'on', '>secret', '~*', '&*', '+@all');
    stack.variables.REDIS_URL = `redis://${REDIS_USER}:secret@127.0.0.1:${redis.port}/${db}`;
    const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
    stack.variables.DATABASE_URL = `mysql://${login}@127.0.0.1:${mysql.port}/${database}`;
    await stack.startWorker();
    ({ url } = await stack.startApi());
    const ann = await signIn(url);
    const app = await registerApp(url, ann);
    key = app.apiKey;
    readKey = (await createKey(url, ann, { appId: app.id, scopes: ['read'] })).apiKey;
  });
  afterAll(async () => {
    await redis?.mend();
    await mysql?.mend();
    await stack?.redis.call('ACL', 'DELUSER', REDIS_USER);
    await stack?.stop();
    await redis?.cut();
    await mysql?.cut();
  });

  const ready = (query = '') => call(`${url}/ready${query}`);
  const becomes = async (status: string, checks: Record<string, string>): Promise<void> => {
    await until(
      async () => {
        const { body } = await ready();
        return body.status === status && Object.entries(checks).every(([name, state]) => body.checks[name] === state);
      },
      `/ready to say ${status} ${JSON.stringify(checks)}`,
    );
  };
  const codes = async (): Promise<number[]> =>
    Promise.all([`${url}/health`, `${url}/ready`, `${url}/ready?strict`].map(async (at) => (await call(at)).status));

  test('says that all is well', async () => {
    await becomes('ok', READY);
    expect((await ready()).body).toEqual({
      status: 'ok',
      checks: READY,
      durability: expect.any(String),
      stopping: false,
    });
    expect(await codes()).toEqual([200, 200, 200]);
    expect((await call(`${url}/health`)).body).toEqual({ status: 'ok' });
    expect((await ready('?strict=false')).status).toBe(200);
  });

  test('without a worker it accepts on, and says so to who is strict', async () => {
    await stack.workers[0]!.stop();
    await becomes('degraded', { worker: 'unseen' });
    expect(await codes()).toEqual([200, 200, 503]);
    expect((await ready('?strict=0')).status).toBe(200);
  });

  test('what waits too long is told, with its figures in /metrics', async () => {
    const receivedAt = Date.now() - 30_000;
    await stack.push(2, encodeEnvelope(acceptedEvent({ receivedAt })));
    await becomes('degraded', { backlog: 'old' });
    expect(await codes()).toEqual([200, 200, 503]);
    const { body } = await call(`${url}/metrics`);
    expect(body).toMatch(/^tallystone_backlog_events 1$/m);
    expect(Number(/^tallystone_backlog_age_seconds (\S+)$/m.exec(body)![1])).toBeGreaterThanOrEqual(30);
    expect(Number(/^tallystone_backlog_bytes (\S+)$/m.exec(body)![1])).toBeGreaterThan(0);
    expect(Number(/^tallystone_worker_seen_age_seconds (\S+)$/m.exec(body)![1])).toBeGreaterThan(1);
    expect(body).toMatch(/^tallystone_redis_up 1$/m);
  });

  test('events that no worker counts are told in the log, with the command that starts one', async () => {
    const warned = () =>
      stack.apis[0]!.process.records.filter(
        ({ level, msg }) => level === 'warn' && /npm run start:worker/.test(String(msg)),
      );
    await until(() => warned().length > 0, 'the warning');
    expect(warned()).toMatchObject([{ waiting: 1 }]);
  });

  test('a full buffer takes nothing more, and says so', async () => {
    await stack.push(
      3,
      ...Array.from({ length: 20 }, () => encodeEnvelope(acceptedEvent({ metadata: 'x'.repeat(60_000) }))),
    );
    await becomes('unavailable', { backlog: 'full' });
    expect(await codes()).toEqual([200, 503, 503]);
    expect((await call(`${url}/collect`, { key, body: { event: 'too much' } })).status).toBe(503);
    await stack.emptyBuffer();
    await becomes('degraded', { backlog: 'ok' });
  });

  test('a worker tells its own health, always strictly', async () => {
    await stack.startWorker();
    await stack.drained();
    await becomes('ok', READY);
    const files = readdirSync(join(stack.env.dataDir, 'run')).filter((name) => /^worker-\d+\.port$/.test(name));
    expect(files).toHaveLength(1);
    const worker = `http://127.0.0.1:${readFileSync(join(stack.env.dataDir, 'run', files[0]!), 'utf8').trim()}`;
    const { status, body } = await call(`${worker}/ready`);
    expect([status, body.status]).toEqual([200, 'ok']);
    expect((await call(`${worker}/metrics`)).body).toMatch(/^tallystone_backlog_events 0$/m);
    await mysql.cut();
    await until(async () => (await call(`${worker}/ready`)).status === 503, 'the worker to miss MySQL');
    expect((await call(`${worker}/ready`)).body.checks.mysql).toBe('away');
    expect((await call(`${worker}/health`)).status).toBe(200);
    await mysql.mend();
    await until(async () => (await call(`${worker}/ready`)).status === 200, 'the worker to find MySQL again');
    await becomes('ok', READY);
  });

  test('MySQL away: it accepts on while revocations are known, then no more, and comes back', async () => {
    await mysql.cut();
    await becomes('degraded', { mysql: 'away', revocations: 'ok' });
    expect(await codes()).toEqual([200, 200, 503]);
    const { status, body } = await call(`${url}/api/analytics/events/${uuidV7(Date.now())}/receipt`, { key });
    expect([status, body.code]).toEqual([503, 'service_unavailable']);
    await becomes('unavailable', { mysql: 'away', revocations: 'unknown' });
    expect(await codes()).toEqual([200, 503, 503]);
    await mysql.mend();
    await becomes('ok', READY);
  });

  test('Redis away: no 202, no receipt, but the numbers are still told; and it comes back', async () => {
    await redis.cut();
    await becomes('unavailable', { redis: 'away', backlog: 'unknown', worker: 'unknown' });
    expect(await codes()).toEqual([200, 503, 503]);
    const { status, body } = await call(`${url}/api/analytics/events/${uuidV7(Date.now())}/receipt`, { key });
    expect([status, body.code]).toEqual([503, 'backlog_unknown']);
    expect((await call(`${url}/api/analytics/event-summary`, { key: readKey })).status).toBe(200);
    const metrics = (await call(`${url}/metrics`)).body;
    expect(metrics).toMatch(/^tallystone_redis_up 0$/m);
    expect(metrics).toMatch(/^tallystone_backlog_events Nan$/im);
    await redis.mend();
    await becomes('ok', READY);
  });

  test('a Redis that answers but takes no writes does not count as ready', async () => {
    await stack.redis.call('ACL', 'SETUSER', REDIS_USER, '-set');
    await becomes('unavailable', { redis: 'refuses_writes' });
    expect(await codes()).toEqual([200, 503, 503]);
    await stack.redis.call('ACL', 'SETUSER', REDIS_USER, '+set');
    await becomes('ok', READY);
  });
});
