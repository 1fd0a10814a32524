import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataDir } from './launcher/data-dir.mjs';
import { EngineService } from './launcher/engine-service.mjs';
import { productEnvironment } from './launcher/environments.mjs';
import { ENGINE_FLAGS, NODE_FLAGS } from './launcher/node-flags.mjs';
import { prepareProject } from './launcher/prepare.mjs';
import { pidInFile } from './launcher/processes.mjs';
import { programFile } from './launcher/programs.mjs';
import { servicesInUse } from './launcher/services-in-use.mjs';
import { nice, readEnvironment, readSettings, ROOT } from './launcher/settings.mjs';
import { LaunchError, readable, say, warn } from './launcher/terminal.mjs';

// node scripts/run.mjs NAME [ARGUMENTS]: one process of the product alone, on the services in use.
// `engine` is the ClickHouse engine alone, which needs no service.
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
/** Programs that keep running, by the names of npm's scripts. */
const PROCESSES = { api: 'main', worker: 'worker', engine: 'engine' };

try {
  const [name, ...args] = process.argv.slice(2);
  if (!/^[a-z][a-z-]*$/.test(name ?? '')) throw new LaunchError('Usage: node scripts/run.mjs NAME [ARGUMENTS]');
  const settings = readSettings(readEnvironment());
  const env = name === 'engine' ? await engineEnvironment(settings) : await environmentOnServices(settings);
  const script = programFile(PROCESSES[name] ?? name);
  if (!existsSync(join(ROOT, script))) throw new LaunchError(`There is no program called ${name}`);
  const child = spawn(process.execPath, [...(name === 'engine' ? ENGINE_FLAGS : NODE_FLAGS), script, ...args], {
    cwd: ROOT,
    env: productEnvironment(PROCESSES[name] ? name : 'command', env),
    stdio: 'inherit',
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    warn(error.message);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
}

async function environmentOnServices(settings) {
  const { databaseUrl, redisUrl, clickhouse } = servicesInUse(settings);
  await prepareProject(settings.env);
  const services = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...clickhouse };
  const env = { ...settings.env, ...services, DATA_DIR: settings.dataDir };
  for (const service of Object.keys(services)) delete env[`${service}_FILE`];
  return env;
}

/** @throws LaunchError where the engine of this data folder runs already, or is not to run, or cannot be installed */
async function engineEnvironment(settings) {
  const dataDir = new DataDir(settings.dataDir).make();
  const pid = pidInFile(dataDir.pidFile('engine'));
  if (pid) throw new LaunchError(`The engine of ${nice(dataDir.path)} runs already (pid ${pid})`);
  await prepareProject(settings.env);
  const engine = await new EngineService(settings, dataDir).prepare();
  if (!(await engine.install())) throw new LaunchError('The engine was not started.');
  const secrets = nice(dataDir.in('secrets'));
  say(`The engine's address for API and worker: http://USER:PASSWORD@127.0.0.1:${engine.port}/tallystone, as`);
  say(
    `CLICKHOUSE_URL (questions, ${secrets}/engine_question_password) and CLICKHOUSE_COPY_URL (copying, ${secrets}/engine_copy_password)`,
  );
  return engine.env;
}
