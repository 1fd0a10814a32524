import type { INestApplicationContext } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { readable } from './common/command.js';
import { createLogger, type Logger } from './common/logger.js';
import { createRedis, PATIENT_COMMAND_TIMEOUT_MS } from './common/redis.js';
import { bindInstallation } from './common/installation-check.js';
import { checkMysqlDurability } from './common/mysql-durability.js';
import { checkRedisDurability } from './common/redis-durability.js';
import { Readiness } from './common/readiness.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { assertSchemaFits } from './database/schema-check.js';
import type { ProcessParts } from './process-parts.js';

/** Seconds after which MySQL ends a silent worker session, and with it a frozen worker's locks. */
const WORKER_WAIT_TIMEOUT_S = 20;
/** How long the last log lines may take. */
const FLUSH_MS = 500;

/**
 * Reads the configuration, connects, and checks everything that must hold before a process takes part: the schema fits
 * this code, Redis keeps what it answers for, MySQL what the worker commits, and Redis belongs to this installation.
 */
export async function prepareProcess(role: 'api' | 'worker'): Promise<ProcessParts> {
  const env = Env.load(role);
  const logger = createLogger(env, role);
  const dataSource = createDataSource(env.database, {
    lockWaitTimeoutS: env.lockWaitTimeoutS,
    silenceMs: env.mysqlTimeoutMs,
    ...(role === 'worker' ? { waitTimeoutS: WORKER_WAIT_TIMEOUT_S } : {}),
  });
  await dataSource.initialize();
  await assertSchemaFits(dataSource);
  const redis = createRedis(env, logger, role === 'worker' ? { commandTimeout: PATIENT_COMMAND_TIMEOUT_MS } : {});
  await connect(redis);
  await checkRedisDurability(redis, env, logger);
  if (role === 'worker') await checkMysqlDurability(dataSource, env, logger);
  await bindInstallation(dataSource, redis, env, logger);
  return { env, logger, dataSource, redis };
}

/** Ends the process with one readable message. */
export function fail(error: unknown): never {
  process.stderr.write(`${readable(error)}\n`);
  process.exit(1);
}

/** SIGTERM and SIGINT: not ready any more, finish what is held, close, leave; with a deadline. */
export function onSignals({ env, logger, redis, dataSource }: ProcessParts, app: INestApplicationContext): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    app.get(Readiness, { strict: false }).stop();
    logger.info({ signal }, 'Stopping: finishing what is held');
    const deadline = setTimeout(
      () => leave(logger, 1, 'The deadline passed with work in hand; it is safe in Redis'),
      env.shutdownTimeoutMs,
    );
    try {
      await app.close();
      redis.disconnect();
      if (dataSource.isInitialized) await dataSource.destroy();
      clearTimeout(deadline);
      leave(logger, 0, 'Stopped');
    } catch (error) {
      logger.error({ err: error }, 'Stopping failed');
      leave(logger, 1, 'Stopped with an error');
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
}

function leave(logger: Logger, code: number, message: string): void {
  logger.info({ code }, message);
  // Where nobody is left to read the log (the launcher was killed), the flush never ends.
  setTimeout(() => process.exit(code), FLUSH_MS);
  logger.flush(() => process.exit(code));
}

async function connect(redis: Redis): Promise<void> {
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    const code = (error as { code?: string }).code ?? (error as Error).message;
    throw Object.assign(
      new Error(`Cannot reach Redis (${code}): check REDIS_URL, and that the server it names is running.`),
      {
        name: 'RedisUnreachableError',
        code: 'REDIS_UNREACHABLE',
      },
    );
  }
}
