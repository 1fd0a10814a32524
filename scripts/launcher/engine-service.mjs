import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { ENGINE_FOLDER, hasEngine, prepareEngine } from './prepare-engine.mjs';
import { ProductProcess } from './product-process.mjs';
import { nice } from './settings.mjs';
import { LaunchError, say, warn } from './terminal.mjs';

const LOOPBACK = '127.0.0.1';
/** Below the ports that systems give to outgoing connections: while the engine starts again, none of these takes its port. */
const PORTS = /** @type {const} */ ([20_000, 32_000]);
const PORT_TRIES = 50;
const USERS = { questions: 'ENGINE_QUESTION_PASSWORD', copying: 'ENGINE_COPY_PASSWORD' };
const NEEDED = 'events are collected and counted, but questions that ClickHouse answers are refused';
const OWN_SERVER = 'set CLICKHOUSE_URL to a ClickHouse server';

/**
 * The embedded ClickHouse as a process of its own: installed, started, and started again when it ends. Everything else does
 * without it until it is ready.
 */
export class EngineService {
  /** By which variables API, worker and commands reach it. @type {Record<string, string>} */
  addresses = {};
  /** What its own process gets. @type {Record<string, string>} */
  env = {};
  #installing = new AbortController();
  #begun = Promise.resolve(false);
  /** @type {ProductProcess | undefined} */
  #process;
  port = 0;

  /**
   * @param settings as of `readSettings`
   * @param options `stopDeadlineMs`: how long a statement that runs may take to end
   */
  constructor(settings, dataDir, { stopDeadlineMs = 15_000 } = {}) {
    this.settings = settings;
    this.dataDir = dataDir;
    this.stopDeadlineMs = stopDeadlineMs;
  }

  /**
   * Makes what is decided before anything runs: the port, which stays the same when the engine is started again, and the two
   * passwords, which are made once and kept.
   * @throws LaunchError when a setting cannot be used
   */
  async prepare() {
    const { settings, dataDir } = this;
    this.port = await choosePort(settings);
    const passwords = Object.entries(USERS).map(([user, name]) => [
      user,
      settings.enginePasswords[name] ?? dataDir.secret(name),
    ]);
    const own = Object.fromEntries(passwords.map(([user, password]) => [USERS[user], password]));
    const env = { ...settings.env, ...own, DATA_DIR: dataDir.path, ENGINE_PORT: String(this.port) };
    for (const name of Object.values(USERS)) delete env[`${name}_FILE`];
    this.env = { ...env, UV_THREADPOOL_SIZE: String(await threadsFor(env)) };
    const [questions, copying] = passwords.map(
      ([user, password]) => `http://${user}:${encodeURIComponent(password)}@${LOOPBACK}:${this.port}/tallystone`,
    );
    this.addresses = { CLICKHOUSE_URL: questions, CLICKHOUSE_COPY_URL: copying };
    return this;
  }

  /**
   * Installs what is missing, then starts the engine. Says what it did or what is missing; never throws.
   * @returns whether the engine is ready; false also after `stop`
   */
  begin() {
    this.#begun = this.#begin().catch((error) => {
      warn(`The ClickHouse engine does not run: ${error.message}`);
      return false;
    });
    return this.#begun;
  }

  async stop() {
    this.#installing.abort();
    await this.#process?.stop();
    await this.#begun;
    // Of one that had to be killed.
    for (const name of ['engine.port', 'clickhouse.xml']) rmSync(this.dataDir.in('run', name), { force: true });
  }

  async #begin() {
    if (!(await this.install()) || this.#installing.signal.aborted) return false;
    const { dataDir, stopDeadlineMs } = this;
    this.#process = new ProductProcess({
      name: 'engine',
      program: 'engine',
      env: this.env,
      dataDir,
      isReady: () => answersPing(this.port),
      stopDeadlineMs,
    });
    if (!(await this.#process.startPatiently())) return false;
    say('The ClickHouse engine is ready');
    return true;
  }

  /** Installs chDB where it is missing; says so when that fails. @returns whether it is there */
  async install() {
    const { settings, dataDir } = this;
    const { signal } = this.#installing;
    if (settings.engineFolder !== ENGINE_FOLDER) {
      if (hasEngine(settings.engineFolder)) return true;
      warn(
        `ENGINE_FOLDER (${nice(settings.engineFolder)}) holds no chDB: ${NEEDED}. Install it there, or ${OWN_SERVER}.`,
      );
      return false;
    }
    try {
      if (await prepareEngine(settings.env, signal)) return true;
      warn(`chDB has no binary for this platform: ${NEEDED}. To have one, ${OWN_SERVER}.`);
    } catch (error) {
      if (signal.aborted) return false;
      const log = dataDir.log('engine');
      writeFileSync(log, `${error.message}\n`, { flag: 'a', mode: 0o600 });
      warn(
        `The ClickHouse engine could not be installed (${firstError(error)}): ${NEEDED}. ` +
          `Start again when the npm registry can be reached, or ${OWN_SERVER}. What npm said is in ${nice(log)}.`,
      );
    }
    return false;
  }
}

/**
 * Why no engine is to run here, in words for the person at the terminal; undefined where one is.
 * @param {{ engine: string }} settings
 * @param {Pick<NodeJS.Process, 'platform' | 'arch'>} [system]
 */
export function engineMissing({ engine }, { platform, arch } = process, hasGlibc = usesGlibc()) {
  if (engine === 'none')
    return `No ClickHouse engine runs (ENGINE=none): ${NEEDED}. To have one, start without ENGINE=none, or ${OWN_SERVER}.`;
  const isKnown = ['x64', 'arm64'].includes(arch) && (platform === 'darwin' || (platform === 'linux' && hasGlibc));
  if (isKnown) return undefined;
  const system = platform === 'linux' && !hasGlibc ? `${platform} ${arch} without glibc` : `${platform} ${arch}`;
  return `There is no ClickHouse engine for ${system}: ${NEEDED}. To have one, ${OWN_SERVER}.`;
}

function usesGlibc() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport());
  return report?.header?.glibcVersionRuntime !== undefined;
}

/** What npm says first of several lines. */
function firstError({ message }) {
  const lines = message.split('\n').map((line) => /^npm (?:error|ERR!) (?!code )(.+)/.exec(line)?.[1]);
  return lines.find(Boolean) ?? message.split('\n')[0];
}

/** What UV_THREADPOOL_SIZE must be. @throws LaunchError when a setting of the engine cannot be used */
async function threadsFor(env) {
  const { readEngineEnv } = await import('#dist/config/engine-env.js');
  const { threadPoolSize } = await import('#dist/engine/memory-plan.js');
  try {
    return threadPoolSize(readEngineEnv(env).memory);
  } catch (error) {
    throw error.name === 'ConfigError' ? new LaunchError(error.message) : error;
  }
}

async function choosePort({ enginePort, port }) {
  if (enginePort) {
    if (enginePort !== port && (await isFree(enginePort))) return enginePort;
    throw new LaunchError(`ENGINE_PORT ${enginePort} is taken by another program: choose another, or leave it unset`);
  }
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const candidate = randomInt(...PORTS);
    if (candidate !== port && (await isFree(candidate))) return candidate;
  }
  throw new LaunchError('No free port was found for the ClickHouse engine: set ENGINE_PORT to one');
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}

async function answersPing(port) {
  const answer = await fetch(`http://${LOOPBACK}:${port}/ping`, { signal: AbortSignal.timeout(2000) }).catch(
    () => undefined,
  );
  return (await answer?.text().catch(() => '')) === 'Ok.\n';
}
