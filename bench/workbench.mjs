import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { Api } from '../scripts/client/api.mjs';
import { DataDir } from '../scripts/launcher/data-dir.mjs';
import { mysqlServer } from '../scripts/launcher/mysql-server.mjs';
import { NODE_FLAGS } from '../scripts/launcher/node-flags.mjs';
import { prepareProject } from '../scripts/launcher/prepare.mjs';
import { programFile } from '../scripts/launcher/programs.mjs';
import { redisServer } from '../scripts/launcher/redis-server.mjs';
import { PrivateService } from '../scripts/launcher/service.mjs';
import { systemEnvironment } from '../scripts/launcher/environments.mjs';
import { ROOT } from '../scripts/launcher/settings.mjs';
import { BenchEngine } from './read-model/bench-engine.mjs';

const READY_WITHIN_MS = 60_000;
/** Above any load that is made here: the limits are asked all the same. */
const CEILINGS = ['key', 'account', 'address', 'key_bytes', 'account_bytes', 'address_bytes', 'signin']
  .concat(['reads', 'changes', 'regenerate', 'anonymous'])
  .map((name) => `${name}=999999999`)
  .join();

/** Throw-away services at true durability, and the processes that are measured on them. */
export class Workbench {
  folder = mkdtempSync(join(tmpdir(), 'tallystone-bench-'));
  /** @type {{ stop: () => Promise<unknown> }[]} */
  #services = [];
  #processes = new Set();
  /** For every process that is started, as --cpu-prof. @type {string[]} */
  nodeFlags = [];

  /** @param {{ root?: string }} [options] `root`: the folder of another release, which is built */
  constructor({ root = ROOT } = {}) {
    this.root = root;
  }

  /** Builds the product and starts MySQL and Redis. */
  async open() {
    const dataDir = new DataDir(join(this.folder, 'data'));
    dataDir.make();
    this.dataDir = dataDir;
    if (this.root === ROOT) await prepareProject(systemEnvironment());
    const [database, redis] = [mysqlServer, redisServer].map(
      (kind) => new PrivateService(kind, dataDir, { files: true, bin: join(ROOT, '.data', 'bin') }),
    );
    for (const service of [database, redis]) {
      this.#services.unshift(service);
      await service.up();
    }
    this.socket = database.socket;
    this.redis = new Redis(redis.socket);
    this.env = {
      ...systemEnvironment(),
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      DATA_DIR: join(this.folder, 'product'),
      // Another release may not know all of them, and its worker needs none.
      ...(this.root === ROOT ? { RATE_LIMITS: CEILINGS } : {}),
    };
    await this.run('migrate');
    this.db = await mysql.createConnection({
      socketPath: this.socket,
      user: 'root',
      database: 'tallystone',
      timezone: 'Z',
    });
    await this.db.query("SET SESSION time_zone = '+00:00'");
  }

  async close() {
    for (const one of [...this.#processes]) await one.stop();
    this.redis?.disconnect();
    await this.db?.end();
    for (const service of this.#services) await service.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts the engine; processes that are started from now on use it. @param {{ memory?: string }} [options] */
  async startEngine(options) {
    const engine = new BenchEngine(this.dataDir, options);
    this.#services.unshift(engine);
    await engine.start();
    this.env = { ...this.env, ...engine.addresses };
    return engine;
  }

  /** @param {string} name of a program of the product @returns its file, in the folder that is measured: a release before 0.3 has no dist/server */
  program(name) {
    const file = programFile(name);
    return existsSync(join(this.root, file)) ? file : join('dist', 'src', `${name}.js`);
  }

  /** Runs one of the product's commands to its end. */
  async run(script, ...args) {
    const child = spawn(process.execPath, [this.program(script), ...args], {
      cwd: this.root,
      env: this.env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const code = await new Promise((resolve) => child.on('exit', resolve));
    if (code !== 0) throw new Error(`${script} ended with exit code ${code}`);
  }

  /** An API process of the product, as operators run it: with a Google client, without the stand-in. */
  api(env = {}) {
    const google = { GOOGLE_CLIENT_ID: 'bench', GOOGLE_CLIENT_SECRET: 'bench' };
    return this.serve(this.program('main'), { ...google, ...env });
  }

  /** An API process with the stand-in, in which nobody has signed in. */
  localApi(env = {}) {
    return this.serve(this.program('main'), env);
  }

  /** A worker process of the product. */
  async worker(env = {}) {
    const port = await freePort();
    return this.#start(this.program('worker'), { WORKER_PORT: String(port), ...env }, port);
  }

  /** A script that serves on the PORT it is given, and answers GET /health. */
  async serve(script, env = {}) {
    const port = await freePort();
    return this.#start(script, { PORT: String(port), ...env }, port);
  }

  /** A person with an app, signed in at a process of its own: bearer, app id, a key that writes and one that reads. */
  async signedIn(name = 'Bench', email = 'bench@example.test') {
    const once = await this.localApi();
    await this.#ownAccounts('google', 'local');
    const api = new Api(once.url);
    await api.signInLocally(email);
    const names = Array.isArray(name) ? name : [name];
    const apps = [];
    for (const one of names) apps.push((await api.appNamed(one)).app);
    const { app, apiKey } = await api.appNamed(names[0]);
    const read = await api.post('/api/auth/api-key', { appId: app.id, scopes: ['read'] });
    const hex = (id) => id.replaceAll('-', '');
    const ownerId = Buffer.from(hex((await api.get('/api/auth/me')).id), 'hex');
    await once.stop();
    // The processes that are measured run without the stand-in, and refuse the keys and sessions of its accounts.
    await this.#ownAccounts('local', 'google');
    return {
      token: api.token,
      appId: app.id,
      apps: apps.map(({ id }) => hex(id)),
      ownerId,
      apiKey,
      readKey: read.apiKey,
    };
  }

  async #ownAccounts(from, to) {
    for (const table of ['users', 'sessions']) {
      await this.db?.query(`UPDATE ${table} SET provider = ? WHERE provider = ?`, [to, from]);
    }
  }

  /** Takes all pending events away: what one round has left must not weigh on the next. */
  async emptyBuffer() {
    const keys = (await this.redis?.keys('tallystone:{buffer}:*')) ?? [];
    if (keys.length > 0) await this.redis?.unlink(...keys);
  }

  async #start(script, env, port) {
    const child = spawn(process.execPath, [...NODE_FLAGS, ...this.nodeFlags, script], {
      cwd: this.root,
      env: { ...this.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const url = `http://127.0.0.1:${port}`;
    const one = {
      url,
      pid: child.pid,
      /** Resident memory, bytes. */
      rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
      stop: async () => {
        this.#processes.delete(one);
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      },
    };
    this.#processes.add(one);
    const begun = performance.now();
    while (
      !(await fetch(`${url}/health`).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error(`${script} ended with exit code ${child.exitCode}`);
      if (performance.now() - begun > READY_WITHIN_MS) throw new Error(`${script} is not ready`);
      await wait(20);
    }
    one.bootMs = performance.now() - begun;
    return one;
  }
}

/** A port that nobody listens on now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
