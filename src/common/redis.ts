import type { RedisOptions as BullRedisOptions } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

/** How long a command may take before the caller hears a 503, ms. */
const COMMAND_TIMEOUT_MS = 800;
/** Where nobody waits for an answer: hundreds of large entries may come over a slow line, ms. */
export const PATIENT_COMMAND_TIMEOUT_MS = 20_000;

/**
 * A connection that fails fast: no offline queue, a short command timeout, one attempt. Commands issued in the same turn
 * of the event loop share a round trip, and with it an fsync (autoPipelining).
 */
export function createRedis(env: Env, logger: Logger, overrides: RedisOptions = {}): Redis {
  const redis = new Redis({
    ...env.redis,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2000,
    // Back within a second of Redis's return, however long it was away.
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
    ...overrides,
  });
  let told = false;
  redis.on('error', (error: Error) => {
    if (told) return;
    told = true;
    logger.warn({ err: error }, 'Redis is away; trying again until it is back');
  });
  redis.on('ready', () => {
    if (told) logger.info('Redis is back');
    told = false;
  });
  return redis;
}

/** Options for BullMQ's own connections: it waits for Redis as long as it takes. */
export function bullRedisOptions(env: Env): BullRedisOptions {
  return {
    ...env.redis,
    maxRetriesPerRequest: null,
    enableOfflineQueue: true,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 1000),
  };
}
