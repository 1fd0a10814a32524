import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { productEnvironment } from './launcher/environments.mjs';
import { NODE_FLAGS } from './launcher/node-flags.mjs';
import { prepareProject } from './launcher/prepare.mjs';
import { servicesInUse } from './launcher/services-in-use.mjs';
import { readEnvironment, readSettings, ROOT } from './launcher/settings.mjs';
import { LaunchError, readable, warn } from './launcher/terminal.mjs';

// node scripts/run.mjs NAME [ARGUMENTS]: one process of the product alone, on the services in use.
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
const PROGRAMS = { api: 'main.js', worker: 'worker.js' };

try {
  const [name, ...args] = process.argv.slice(2);
  if (!/^[a-z][a-z-]*$/.test(name ?? '')) throw new LaunchError('Usage: node scripts/run.mjs NAME [ARGUMENTS]');
  const settings = readSettings(readEnvironment());
  const { databaseUrl, redisUrl } = servicesInUse(settings);
  await prepareProject(settings.env);
  const script = join('dist', 'src', PROGRAMS[name] ?? `${name}.js`);
  if (!existsSync(join(ROOT, script))) throw new LaunchError(`There is no program called ${name}`);
  const env = { ...settings.env, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, DATA_DIR: settings.dataDir };
  delete env.DATABASE_URL_FILE;
  delete env.REDIS_URL_FILE;
  const child = spawn(process.execPath, [...NODE_FLAGS, script, ...args], {
    cwd: ROOT,
    env: productEnvironment(PROGRAMS[name] ? name : 'command', env),
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
