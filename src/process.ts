import type { INestApplicationContext } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { readable } from './common/command.js';
import { createLogger, type Logger } from './common/logger.js';
import { createRedis, PATIENT_COMMAND_TIMEOUT_MS } from './common/redis.js';
import { bindInstallation } from './common/installation-check.js';
import { checkMysqlDurability } from './common/mysql-durability.js';
import { checkRedisDurability } from './common/redis-durability.js';
import { Readiness } from './common/readiness.js';
import { Env } from './config/env.js';
import { createDataSource, type SessionSettings } from './database/data-source.js';
import type { DataSources } from './database/database.module.js';
import { POOLS, WORKER_POOLS } from './database/pools.js';
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
  if (!env.readModel) logger.info('CLICKHOUSE_URL is not set: there is no ClickHouse, and events are not copied');
  const dataSources = await connectMysql(env, role);
  const { usual: dataSource } = dataSources;
  await assertSchemaFits(dataSource);
  const redis = createRedis(env, logger, role === 'worker' ? { commandTimeout: PATIENT_COMMAND_TIMEOUT_MS } : {});
  await connect(redis);
  await checkRedisDurability(redis, env, logger);
  if (role === 'worker') await checkMysqlDurability(dataSource, env, logger);
  await bindInstallation(dataSource, redis, env, logger);
  return { env, logger, dataSources, redis };
}

/** Every data source of a process: see database/pools.ts. */
async function connectMysql(env: Env, role: 'api' | 'worker'): Promise<DataSources> {
  const session = { lockWaitTimeoutS: env.lockWaitTimeoutS, silenceMs: env.mysqlTimeoutMs };
  const connect = (settings: SessionSettings) =>
    createDataSource(env.database, { ...session, ...settings }).initialize();
  if (role === 'worker') {
    const { usual, control } = WORKER_POOLS;
    return {
      usual: await connect({ ...usual, waitTimeoutS: WORKER_WAIT_TIMEOUT_S }),
      control: await connect(control),
    };
  }
  return {
    usual: await connect(POOLS.usual),
    control: await connect(POOLS.control),
    // Whoever asked has been told by then that MySQL is away: the server need not go on.
    questions: await connect({ ...POOLS.questions, statementMs: env.mysqlTimeoutMs }),
  };
}

/** Ends the process with one readable message. */
export function fail(error: unknown): never {
  process.stderr.write(`${readable(error)}\n`);
  process.exit(1);
}

/** SIGTERM and SIGINT: not ready any more, finish what is held, close, leave; with a deadline. */
export function onSignals({ env, logger, redis, dataSources }: ProcessParts, app: INestApplicationContext): void {
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
      for (const one of Object.values(dataSources) as DataSource[]) if (one.isInitialized) await one.destroy();
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
