import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { createLogger } from '../src/common/logger.js';
import { createRedis } from '../src/common/redis.js';
import { Env } from '../src/config/env.js';
import { Relay } from './support/relay.js';

const TIMEOUT_MS = 100;

describe('the timeout of a Redis command', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tallystone-test-'));
  const env = Env.load('command', {
    NODE_ENV: 'test',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
    DATABASE_URL: process.env.TEST_DATABASE_URL!,
    REDIS_URL: process.env.TEST_REDIS_URL!,
  });
  const open: Redis[] = [];
  const connected = async (overrides = {}): Promise<Redis> => {
    const redis = createRedis(env, createLogger(env, 'api'), { commandTimeout: TIMEOUT_MS, ...overrides });
    open.push(redis);
    await redis.connect();
    return redis;
  };
  afterAll(() => {
    for (const redis of open) redis.disconnect();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('does not refuse an answer that arrived while the event loop was busy', async () => {
    const redis = await connected({ enableAutoPipelining: false });
    const answers = Promise.allSettled([redis.ping(), redis.eval('return 7', 0)]);
    // Both have been written; nothing is read meanwhile.
    const until = performance.now() + 3 * TIMEOUT_MS;
    while (performance.now() < until);
    expect(await answers).toEqual([
      { status: 'fulfilled', value: 'PONG' },
      { status: 'fulfilled', value: 7 },
    ]);
  });

  test('refuses an answer that has not arrived in time', async () => {
    const { host, port, path } = env.redis;
    const relay = await Relay.to(path ? { path } : { host, port: port! });
    const redis = await connected({ path: undefined, host: '127.0.0.1', port: relay.port });
    relay.delayAnswers(10 * TIMEOUT_MS);
    const begun = performance.now();
    await expect(redis.ping()).rejects.toThrow('Command timed out');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
    redis.disconnect();
    await relay.cut();
  });
});
