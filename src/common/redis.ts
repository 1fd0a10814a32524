import type { RedisOptions as BullRedisOptions } from 'bullmq';
import { type Command, Redis, type RedisOptions } from 'ioredis';
import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

/** How long a command may take before the caller hears a 503, ms. */
const COMMAND_TIMEOUT_MS = 800;
/** Where nobody waits for an answer: hundreds of large entries may come over a slow line, ms. */
export const PATIENT_COMMAND_TIMEOUT_MS = 20_000;

/** What ioredis says when commandTimeout is over. */
const TIMED_OUT = 'Command timed out';

/**
 * Gives up a command only after what has already arrived was read. Timers come before sockets in a turn of the event loop, so
 * after a turn that took longer than the timeout ioredis refuses commands whose answers are there.
 */
class PunctualRedis extends Redis {
  override sendCommand(...[command, stream]: Parameters<Redis['sendCommand']>): unknown {
    const { reject } = command;
    command.reject = (error) => {
      if (error.message === TIMED_OUT) setImmediate(() => giveUp(command, reject, error));
      else reject(error);
    };
    return super.sendCommand(command, stream);
  }
}

function giveUp(command: Command, reject: Command['reject'], error: Error): void {
  if (!command.isResolved) reject(error);
}

/**
 * A connection that fails fast: no offline queue, a short command timeout, one attempt. Commands issued in the same turn
 * of the event loop share a round trip, and with it an fsync (autoPipelining).
 */
export function createRedis(env: Env, logger: Logger, overrides: RedisOptions = {}): Redis {
  const redis = new PunctualRedis({
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
