import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DataDir } from './data-dir.mjs';
import { engineMissing, EngineService } from './engine-service.mjs';
import { productEnvironment } from './environments.mjs';
import { SourceWatch } from './source-watch.mjs';
import { releaseLock, takeLock } from './lock.mjs';
import { mysqlServer } from './mysql-server.mjs';
import { builtFrom, prepareProject } from './prepare.mjs';
import { endProcess, pidInFile, removeFile, removePid, run } from './processes.mjs';
import { ProductProcess } from './product-process.mjs';
import { programFile } from './programs.mjs';
import { redisServer } from './redis-server.mjs';
import { PrivateService } from './service.mjs';
import { nice, ROOT } from './settings.mjs';
import { LaunchError, say, warn } from './terminal.mjs';

/** On top of the time that the product gives itself to stop. */
const STOP_SLACK_MS = 5000;

/** Starts services, API, worker and engine in order, and stops what it started. */
export class Launcher {
  stopping = false;
  served = false;
  /** Undefined where none is to run. @type {EngineService | undefined} */
  #engine;
  #stops = [];
  #stopped;

  constructor(settings, { dev = false } = {}) {
    this.settings = settings;
    this.dev = dev;
    this.dataDir = new DataDir(settings.dataDir);
  }

  async start() {
    const { settings, dataDir } = this;
    dataDir.make();
    this.#lock();
    await this.#endOrphans();
    await assertPortIsFree(settings);
    await prepareProject(settings.env);
    this.#goOn();
    const clickhouse = await this.#clickhouse();
    const [databaseUrl, redisUrl] = await this.#services();
    const services = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...clickhouse };
    dataDir.writeRunEnv({ ...services, API_URL: settings.localUrl });
    const env = { ...settings.env, ...services, DATA_DIR: dataDir.path };
    for (const name of Object.keys(services)) delete env[`${name}_FILE`];
    await this.#migrate(env);
    this.#goOn();
    try {
      await this.#serve(env);
    } catch (error) {
      // Should the schema be the reason, the next start looks at it again.
      removeFile(this.#migratedMark);
      throw error;
    }
  }

  /** Stops API, worker, engine, Redis and MySQL, in this order. Called again, it waits for the same end. */
  stop() {
    this.stopping = true;
    this.#stopped ??= (async () => {
      for (let next = this.#stops.pop(); next; next = this.#stops.pop()) await next();
    })();
    return this.#stopped;
  }

  /** A signal during a long step: what follows must not begin. */
  #goOn() {
    if (this.stopping) throw new LaunchError('Stopped while starting');
  }

  #lock() {
    const { dataDir } = this;
    const file = dataDir.pidFile('launcher');
    const holder = takeLock(file);
    if (holder) {
      const { API_URL } = dataDir.readRunEnv();
      const where = API_URL ? `at ${API_URL}` : 'and is still starting';
      throw new LaunchError(
        `Tallystone already runs on ${nice(dataDir.path)} (pid ${holder}) ${where}. ` +
          'Stop it with Ctrl-C there, or start another with its own DATA_DIR and PORT.',
      );
    }
    this.#stops.push(() => {
      dataDir.clearRun();
      releaseLock(file);
    });
  }

  /** API, worker and engine of a launcher that was killed: they finish what they hold, and end. */
  async #endOrphans() {
    const { dataDir } = this;
    await Promise.all(
      ['api', 'worker', 'engine', 'build'].map(async (name) => {
        const pid = pidInFile(dataDir.pidFile(name));
        if (pid) {
          say(`Ending the ${name} process that an earlier launcher left behind (pid ${pid})`);
          await endProcess(pid, this.#stopDeadlineMs);
        }
        removePid(dataDir.pidFile(name));
      }),
    );
    dataDir.clearRun();
    for (const file of readdirSync(dataDir.in('run'))) {
      if (/^(worker-\d+|engine)\.port$/.test(file)) removeFile(dataDir.in('run', file));
    }
  }

  get #stopDeadlineMs() {
    return this.settings.shutdownTimeoutMs + STOP_SLACK_MS;
  }

  get #privateKinds() {
    return [mysqlServer, redisServer].filter((kind) => !this.settings[kind.setting]);
  }

  /** Where the read model is: a server of one's own, or the engine that is started later. @returns its variables */
  async #clickhouse() {
    const { settings, dataDir } = this;
    if (settings.clickhouse.CLICKHOUSE_URL) return settings.clickhouse;
    if (engineMissing(settings)) return {};
    this.#engine = await new EngineService(settings, dataDir, { stopDeadlineMs: this.#stopDeadlineMs }).prepare();
    return this.#engine.addresses;
  }

  /** Both at once where their files are there already; else one after the other, so that what is missing is told once. */
  async #services() {
    const { settings, dataDir } = this;
    const database = async () => settings.databaseUrl ?? (await this.#private(mysqlServer));
    const redis = async () => settings.redisUrl ?? (await this.#private(redisServer));
    if (this.#privateKinds.every((kind) => existsSync(dataDir.in(kind.name))))
      return Promise.all([database(), redis()]);
    return [await database(), await redis()];
  }

  /** Our own database is known to fit when this very build has migrated it: then the process is spared. */
  async #migrate(env) {
    const mark = this.#migratedMark;
    const build = builtFrom();
    const isOurs = !this.settings.databaseUrl;
    if (isOurs && existsSync(mark) && readFileSync(mark, 'utf8') === build) return;
    await migrate(env);
    if (isOurs) writeFileSync(mark, build, { mode: 0o600 });
  }

  get #migratedMark() {
    // Beside the tables: whoever takes these away takes it too.
    return join(this.dataDir.in('mysql'), 'tallystone.migrated');
  }

  async #private(kind) {
    const service = new PrivateService(kind, this.dataDir, { wanted: this.#privateKinds });
    this.#stops.push(() => service.stop());
    await service.up();
    this.#goOn();
    return service.url;
  }

  async #serve(env) {
    const { settings, dataDir } = this;
    const shared = { env, dataDir, stopDeadlineMs: this.#stopDeadlineMs, watched: this.dev };
    const worker = new ProductProcess({
      ...shared,
      name: 'worker',
      program: 'worker',
      isReady: (pid) => existsSync(dataDir.in('run', `worker-${pid}.port`)),
    });
    const api = new ProductProcess({
      ...shared,
      name: 'api',
      program: 'main',
      isReady: () => answersReady(settings.localUrl),
    });
    this.#stops.push(() => this.#engine?.stop());
    this.#stops.push(() => worker.stop());
    this.#stops.push(() => api.stop());
    await Promise.all([worker.start(), api.start()]);
    this.#goOn();
    if (this.dev) {
      const watch = new SourceWatch(dataDir, settings.env, async () => {
        await migrate(env, { watched: true });
        await Promise.all([worker.restart(), api.restart()]);
      });
      this.#stops.push(() => watch.stop());
      watch.start();
    }
    this.served = true;
    say(welcome(settings, dataDir, this.dev));
    // Not before: what collects and counts has the processors and the network first.
    if (this.#engine) void this.#engine.begin();
    else if (!settings.clickhouse.CLICKHOUSE_URL) warn(engineMissing(settings) ?? '');
  }
}

async function migrate(env, options) {
  const output = await run(process.execPath, [programFile('migrate', options)], {
    cwd: ROOT,
    env: productEnvironment('command', env),
    what: 'npm run migrate',
  });
  if (output.startsWith('Migrated')) say(output.trim());
}

async function answersReady(url) {
  const answer = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}

/** Before anything is started: the most frequent reason for a start in vain. */
async function assertPortIsFree({ host, port }) {
  const error = await new Promise((resolve) => {
    const server = createServer().once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (!error) return;
  if (error.code === 'EADDRINUSE') {
    throw new LaunchError(
      `Port ${port} is taken by another program. Choose another: PORT=${port + 1} npm start (or PORT in .env)`,
    );
  }
  throw new LaunchError(`HOST and PORT (${host}:${port}) cannot be listened on: ${error.message}`);
}

function welcome({ publicUrl }, dataDir, dev) {
  return `
ready ${publicUrl}

  Sign in, see the numbers  ${publicUrl}/
  Try the API               ${publicUrl}/api-docs
  Health                    ${publicUrl}/health

Data and logs are in ${nice(dataDir.path)}. Ctrl-C stops everything and loses nothing.${dev ? '\nWatching the sources.' : ''}`;
}
