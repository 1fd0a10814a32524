import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { createLogger } from './common/logger.js';
import { ConfigError } from './config/config-error.js';
import { type EngineEnv, readEngineEnv } from './config/engine-env.js';
import { loadChdb } from './engine/chdb.js';
import { Engine } from './engine/engine.js';
import { keepReserve } from './engine/disk-reserve.js';
import { engineServer } from './engine/engine-server.js';
import { memoryPlan } from './engine/memory-plan.js';
import { watchMemory } from './engine/memory-watch.js';
import { serverSettings } from './engine/server-settings.js';
import { Suspects } from './engine/suspects.js';
import { fail } from './process.js';

const LOOPBACK = '127.0.0.1';
const DATABASE = 'tallystone';

/** Connections end after this long, ms, whatever they wait for. */
const STOP_MS = 5000;

try {
  await run(readEngineEnv());
} catch (error) {
  fail(error);
}

/** ClickHouse in a process of its own, behind the HTTP interface that its clients know. */
async function run(env: EngineEnv): Promise<void> {
  const logger = createLogger(env, 'engine');
  const chdb = loadChdb(env.chdbFolder);
  const plan = memoryPlan(env.memory);
  const path = join(env.dataDir, 'clickhouse');
  const runFolder = join(env.dataDir, 'run');
  for (const folder of [path, runFolder]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const configFile = join(runFolder, 'clickhouse.xml');
  writeFileSync(configFile, serverSettings(plan), { mode: 0o600 });
  const suspects = new Suspects(join(env.dataDir, 'clickhouse-questions'));
  const engine = await Engine.open(chdb, { path, configFile, database: DATABASE, plan, suspects, logger });
  const watch = watchMemory(engine, env.memory, logger, (message) => {
    process.stderr.write(`${message}\n`);
    // An orderly exit takes ClickHouse apart while its statements run, and crashes.
    process.kill(process.pid, 'SIGKILL');
  });
  const reserve = keepReserve(engine, join(env.dataDir, 'clickhouse-reserve'), logger);
  const server = engineServer(engine, env.passwords, logger);
  await listen(server, env.port);
  const { port } = server.address() as AddressInfo;
  const portFile = join(runFolder, 'engine.port');
  writeFileSync(portFile, `${port}\n`);

  const stop = async (signal: string): Promise<void> => {
    logger.info({ signal }, 'Stopping');
    for (const file of [portFile, configFile]) rmSync(file, { force: true });
    // What still runs ends with the process, by order: it is not to blame.
    suspects.close();
    const deadline = setTimeout(() => process.exit(0), STOP_MS);
    server.closeAllConnections();
    server.close();
    await Promise.all([watch.stop(), reserve.stop()]);
    await engine.close();
    clearTimeout(deadline);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
  logger.info({ port, ...plan, refusedQuestions: suspects.refused }, 'engine ready');
}

/** @throws ConfigError where the port is taken */
async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new ConfigError([
      `ENGINE_PORT (${port}) is taken by another program: choose another, or leave it unset and start again`,
    ]);
  }
}
