import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from '../../scripts/client/api.mjs';
import { DataDir } from '../../scripts/launcher/data-dir.mjs';
import { systemEnvironment } from '../../scripts/launcher/environments.mjs';
import { pidInFile } from '../../scripts/launcher/processes.mjs';
import { ROOT } from '../../scripts/launcher/settings.mjs';
import { freePort } from '../workbench.mjs';
import { processMemory } from './bench-engine.mjs';
import { MemoryGroup } from './cgroup.mjs';
import { overviewQuestions } from './company.mjs';

const PROCESSES = ['launcher', 'api', 'worker', 'engine', 'mysql', 'redis'];
const SMALL_SERVER_BYTES = 1536 * 1024 ** 2;
const LOG_LINES = 20_000;
/** What the pages ask beside the overview's questions. */
const PAGES = ['/', '/events', '/users', '/live', '/settings', '/health', '/api/apps', '/api/auth/me'];

/** `npm start` and `npm run demo` on a folder of their own: memory of each process when nothing happens any more. */
export async function benchWholeProduct(bench, { idle, progress }) {
  const product = new Product(join(bench.folder, 'whole-product'));
  try {
    await product.start();
    await product.demo();
    await wait(idle * 1000);
    const memory = product.memory();
    progress(JSON.stringify(memory));
    return memory;
  } finally {
    await product.stop();
  }
}

/** Demo, access-log replay and what every page asks, with 1.5 GB of memory for all processes together. */
export async function benchSmallServer(bench, { progress }) {
  const group = MemoryGroup.make(SMALL_SERVER_BYTES);
  if (!(group instanceof MemoryGroup)) return group;
  const product = new Product(join(bench.folder, 'small-server'), { ENGINE_MEMORY: '512M' });
  try {
    await product.start((command) => group.run(command));
    const pids = product.pids();
    await product.demo();
    const log = join(bench.folder, 'access.log');
    writeFileSync(log, accessLog(LOG_LINES));
    await product.script('replay.mjs', log, '--url', product.url, '--app', 'Replay');
    await product.copied();
    const asked = await everyPage(product.url);
    const restarted = PROCESSES.filter((name) => product.pids()[name] !== pids[name]);
    const found = { asked, restarted, ...group.figures() };
    progress(JSON.stringify(found));
    return found;
  } finally {
    await product.stop();
    group.remove();
  }
}

/** `npm start` on a folder. */
class Product {
  #child;

  constructor(folder, env = {}) {
    this.dataDir = new DataDir(folder);
    /** @type {Record<string, string | undefined>} */
    this.env = { ...systemEnvironment(), DATA_DIR: folder, ...env };
  }

  /** @param {(command: string[]) => [string, string[]]} wrapped */
  async start(wrapped = ([program, ...args]) => [/** @type {string} */ (program), args]) {
    const port = await freePort();
    this.env.PORT = String(port);
    this.url = `http://127.0.0.1:${port}`;
    const child = spawn(...wrapped([process.execPath, join('scripts', 'start.mjs')]), {
      cwd: ROOT,
      env: this.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`npm start ended with exit code ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'The ClickHouse engine is ready') resolve(undefined);
      });
    });
    child.removeAllListeners('exit');
  }

  async demo() {
    await this.script('demo.mjs', '--url', this.url);
    await this.copied();
  }

  /** Waits until ClickHouse holds every event. */
  async copied() {
    const status = async () => this.script('run.mjs', 'projection', 'status');
    while (!/^complete since .*\n0 events wait/.test(await status())) await wait(500);
  }

  /** Runs one of the scripts to its end. @returns what it wrote */
  async script(name, ...args) {
    const child = spawn(process.execPath, [join('scripts', name), ...args], {
      cwd: ROOT,
      env: this.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`${name} ended with exit code ${code}`);
    return text;
  }

  pids() {
    return Object.fromEntries(PROCESSES.map((name) => [name, pidInFile(this.dataDir.pidFile(name))]));
  }

  /** @returns each process's share of memory, all of them together, and what is resident of the engine, bytes */
  memory() {
    /** @type {Record<string, number>} */
    const pss = {};
    for (const [name, pid] of Object.entries(this.pids())) pss[name] = processMemory(pid ?? 0).pss;
    const sum = Object.values(pss).reduce((all, share) => all + share, 0);
    return { pss, sum, engineRss: processMemory(this.pids().engine ?? 0).rss };
  }

  async stop() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
  }
}

/** A month of page views in the combined format. */
function accessLog(lines) {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const two = (n) => String(n).padStart(2, '0');
  const from = Date.now() - 30 * 86_400_000;
  const line = (n) => {
    const at = new Date(from + n * 120_000);
    const clock = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':');
    const day = `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
    const agent = 'Mozilla/5.0 (X11; Linux x64; rv:128.0) Gecko/20100101 Firefox/128.0';
    return `192.0.2.${n % 250} - - [${day}:${clock} +0000] "GET /page/${n % 500} HTTP/1.1" 200 1234 "https://example.org/" "${agent}"`;
  };
  return `${Array.from({ length: lines }, (_none, n) => line(n)).join('\n')}\n`;
}

/** @returns how many requests were answered; throws at the first that was not */
async function everyPage(url) {
  const api = new Api(url);
  await api.signInLocally('demo@example.test');
  const { data } = await api.get('/api/apps');
  const paths = [...PAGES];
  for (const { id } of data) {
    paths.push(...[30, 365].flatMap((days) => overviewQuestions(id, days)));
    paths.push(...['events', 'users'].map((name) => `/api/analytics/${name}?appId=${id}&limit=50`));
  }
  for (const path of paths) await api.text(path);
  return paths.length;
}
