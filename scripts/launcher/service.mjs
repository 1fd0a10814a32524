import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { serverEnvironment } from './environments.mjs';
import { canFetch, fetchPackages, installCommand } from './fetch-packages.mjs';
import { withLock } from './lock.mjs';
import { rotateOpenLog, tail } from './log-file.mjs';
import { endProcess, identify, isRunning, pidInFile, removeFile, removePid, run, writePid } from './processes.mjs';
import { compareVersions, findServers } from './server-binaries.mjs';
import { ROOT } from './settings.mjs';
import { LaunchError, say, step, warn } from './terminal.mjs';

const WATCH_MS = 300;
const BACK_OFF_MS = [0, 1000, 2000, 5000, 10_000];
/** A server that ran this long is well: its next death begins the waits anew. */
const WELL_MS = 60_000;

/** A private database or Redis server on a Unix socket, with all its files in the data folder. */
export class PrivateService {
  #pid;
  /** Of the process with that pid. */
  #identity;
  #binary;
  #stopping = false;
  #watch;

  /**
   * @param relaxed for tests, where no promise depends on what survives a power cut
   * @param files whether the server may read files that a statement names, which the benchmark needs
   * @param bin where programs that are missing here are unpacked
   * @param wanted all kinds that will be run, so that one message names everything that is missing
   */
  constructor(kind, dataDir, { relaxed = false, files = false, bin = dataDir.in('bin'), wanted = [kind] } = {}) {
    this.kind = kind;
    this.dataDir = dataDir;
    this.relaxed = relaxed;
    this.files = files;
    this.bin = bin;
    this.wanted = wanted;
    this.socket = join(dataDir.socketDir(), `${kind.name}.sock`);
    this.log = dataDir.log(kind.name);
  }

  get url() {
    return this.kind.url(this.socket);
  }

  /** Takes over the server that a killed launcher left behind, or starts one, making its files on the first start. */
  async up() {
    const { kind, dataDir } = this;
    const left = pidInFile(dataDir.pidFile(kind.name));
    if (left) {
      this.#is(left);
      await this.#answering();
      say(`${kind.name === 'mysql' ? 'The database' : 'Redis'} was still running (pid ${left}): taken over`);
    } else {
      await this.#assertNobodyAnswers();
      this.#binary = await this.#chooseBinary();
      if (!existsSync(dataDir.in(kind.name))) {
        await step(`Making a place for ${describe(this.#binary)}`, () => kind.init(this.#binary, dataDir));
      }
      await this.#start();
      dataDir.rememberMaker(kind.name, this.#binary);
    }
    this.#watch = this.#keepUp();
  }

  async stop() {
    this.#stopping = true;
    await this.#watch;
    if (!this.#pid) return;
    if (!(await endProcess(this.#pid, this.kind.stopDeadlineMs, this.#identity))) {
      warn(`${this.kind.name} did not stop in time and was killed; it recovers at the next start`);
    }
    removePid(this.dataDir.pidFile(this.kind.name));
    removeFile(this.socket);
    this.dataDir.leaveSocketDir();
  }

  #is(pid) {
    this.#pid = pid;
    this.#identity = identify(pid);
  }

  get #runs() {
    return this.#pid !== undefined && isRunning(this.#pid, this.#identity);
  }

  /** Two servers on the same files would destroy them, and the second takes the first one's socket away. */
  async #assertNobodyAnswers() {
    const { kind, dataDir, socket } = this;
    if (!(await kind.ping(socket))) return;
    throw new LaunchError(
      `A server answers at ${nice(socket)} that ${nice(dataDir.pidFile(kind.name))} does not name: it may have ` +
        `${nice(dataDir.in(kind.name))} open. End it, then run npm start again.`,
    );
  }

  async #start() {
    const { kind, dataDir, socket, relaxed, files } = this;
    if (this.#stopping) return;
    removeFile(socket);
    rotateOpenLog(this.log);
    const log = openSync(this.log, 'a', 0o600);
    // A session of its own: Ctrl-C at the terminal must not reach it before the processes that need it have ended.
    const child = spawn(this.#binary.path, kind.args(this.#binary, { dataDir, socket, relaxed, files }), {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: dataDir.path,
      env: serverEnvironment(this.#binary.env),
    });
    closeSync(log);
    const failed = new Promise((_resolve, reject) =>
      child.once('error', (error) => reject(new LaunchError(`${this.#binary.path} cannot be run: ${error.message}`))),
    );
    failed.catch(() => {});
    child.unref();
    if (child.pid) {
      this.#is(child.pid);
      writePid(dataDir.pidFile(kind.name), child.pid);
    }
    await Promise.race([this.#answering(), failed]);
  }

  async #answering() {
    const deadline = Date.now() + this.kind.startDeadlineMs;
    while (!(await this.kind.ping(this.socket))) {
      const gone = !this.#runs;
      if (gone || Date.now() > deadline) {
        const what = gone ? 'ended while it started' : 'does not answer';
        throw new LaunchError(`${this.kind.name} ${what}. The end of ${nice(this.log)}:\n${tail(this.log)}`);
      }
      await wait(50);
    }
  }

  /** Starts the server again when it dies; what it had acknowledged is in its files. */
  async #keepUp() {
    let deaths = 0;
    let begin = Date.now();
    let looked = Date.now();
    for (; !this.#stopping; await wait(WATCH_MS)) {
      if (Date.now() - looked > WELL_MS) {
        looked = Date.now();
        rotateOpenLog(this.log);
      }
      if (this.#runs) continue;
      deaths = Date.now() - begin > WELL_MS ? 1 : deaths + 1;
      warn(`${this.kind.name} ended by itself; starting it again (its log: ${nice(this.log)})`);
      await wait(BACK_OFF_MS[Math.min(deaths, BACK_OFF_MS.length) - 1]);
      try {
        this.#binary ??= await this.#chooseBinary();
        await this.#start();
      } catch (error) {
        warn(error.message);
      }
      begin = Date.now();
    }
  }

  /** A server that may open the files: the one that made them, or a newer one of its flavour. */
  async #chooseBinary() {
    const { kind, dataDir } = this;
    const fits = (binary) => isSupported(kind, binary);
    const maker = dataDir.maker(kind.name);
    const opens = (binary) =>
      !maker || (binary.flavour === maker.flavour && compareVersions(binary.version, maker.version, 2) >= 0);
    let found = findServers(kind, dataDir.path);
    let chosen = found.find((binary) => fits(binary) && opens(binary));
    if (!chosen && !found.some(fits)) {
      found = await this.#fetch(found);
      chosen = found.find((binary) => fits(binary) && opens(binary));
    }
    if (chosen) return confinedElsewhere(chosen);
    const here = found.map((binary) => `${describe(binary)} (${binary.path})`).join(', ') || 'nothing that fits';
    throw new LaunchError(
      maker
        ? `${nice(dataDir.in(kind.name))} was made by ${describe(maker)}, which another flavour or an older version must not open. ` +
            `Found here: ${here}. Install ${describe(maker)} or newer, or choose another DATA_DIR.`
        : `${kind.title} was not found. Found here: ${here}.`,
    );
  }

  async #fetch(found) {
    const { kind, dataDir, bin } = this;
    const missing = this.wanted
      .filter((one) => one === kind || !findServers(one, dataDir.path).some((binary) => isSupported(one, binary)))
      .map((one) => one.name);
    const old = found.map((binary) => `${describe(binary)} is too old. `).join('');
    const ways = `${old}Install what is missing with\n\n  ${installCommand(missing)}\n\nor set ${kind.variable} to a server of yours, then run npm start again.`;
    if (!canFetch()) throw new LaunchError(`Tallystone needs ${kind.title}. ${ways}`);
    const into = join(bin, kind.name);
    mkdirSync(bin, { recursive: true, mode: 0o700 });
    try {
      return await withLock(join(bin, `${kind.name}.lock`), async () => {
        const meanwhile = findServers(kind, dataDir.path);
        if (meanwhile.length > found.length) return meanwhile;
        await step(`Fetching ${kind.title} into ${nice(into)}`, () => fetchPackages(kind.packages, into));
        return findServers(kind, dataDir.path);
      });
    } catch (error) {
      throw new LaunchError(`${error.message}\n\n${kind.title} could not be fetched. ${ways}`);
    }
  }
}

function isSupported(kind, { flavour, version }) {
  return kind.minimum[flavour] !== undefined && compareVersions(version, kind.minimum[flavour], 2) >= 0;
}

/** Ubuntu confines /usr/sbin/mysqld to its own folders; a copy of the program is not confined. */
async function confinedElsewhere(binary) {
  const profile = `/etc/apparmor.d/${binary.path.slice(1).replaceAll('/', '.')}`;
  if (binary.flavour !== 'mysql' || !existsSync(profile) || !existsSync('/sys/module/apparmor')) return binary;
  const copy = join(ROOT, '.data', 'bin', 'mysql', 'usr', 'sbin', 'mysqld');
  await run('mkdir', ['-p', join(copy, '..')]);
  await run('cp', ['-pu', binary.path, copy]);
  return { ...binary, path: copy };
}

function describe({ flavour, version }) {
  return `${{ mariadb: 'MariaDB', mysql: 'MySQL', redis: 'Redis', valkey: 'Valkey' }[flavour] ?? flavour} ${version}`;
}

/** A path as a person at the project's folder would type it. */
export function nice(path) {
  const short = relative(ROOT, path);
  return short.startsWith('..') ? path : short;
}
