import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { serverEnvironment } from './environments.mjs';
import { rotateOpenLog, tail } from './log-file.mjs';
import { endProcess, identify, isRunning, pidInFile, removeFile, removePid, writePid } from './processes.mjs';
import { describe, ServerChoice } from './server-choice.mjs';
import { nice } from './settings.mjs';
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
   * @param bin @param wanted as of {@link ServerChoice}
   */
  constructor(kind, dataDir, { relaxed = false, files = false, bin = dataDir.in('bin'), wanted = [kind] } = {}) {
    this.kind = kind;
    this.dataDir = dataDir;
    this.relaxed = relaxed;
    this.files = files;
    this.choice = new ServerChoice(kind, dataDir, { bin, wanted });
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
      await this.#startChosen();
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

  /** On the first start a server that turns out not to work is passed over for the next one. */
  async #startChosen() {
    const { kind, dataDir } = this;
    for (;;) {
      const isFirstStart = !existsSync(dataDir.in(kind.name));
      this.#binary = await this.choice.choose();
      try {
        if (isFirstStart) {
          await step(`Making a place for ${describe(this.#binary)}`, () => kind.init(this.#binary, dataDir));
        }
        return await this.#start();
      } catch (error) {
        // What was fetched has no successor; and files that may hold data are left alone.
        if (!isFirstStart || this.#binary.fetched || this.#stopping) throw error;
        warn(`${describe(this.#binary)} (${this.#binary.found}) does not work here: ${error.message}\nTrying another.`);
        await this.#discard();
        this.choice.reject(this.#binary);
      }
    }
  }

  /** Takes back a first start: nobody has stored anything yet. */
  async #discard() {
    const { kind, dataDir } = this;
    if (this.#pid) await endProcess(this.#pid, kind.stopDeadlineMs, this.#identity);
    this.#pid = undefined;
    removePid(dataDir.pidFile(kind.name));
    removeFile(this.socket);
    for (const folder of [kind.name, `${kind.name}.init`]) rmSync(dataDir.in(folder), { recursive: true, force: true });
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
        this.#binary ??= await this.choice.choose();
        await this.#start();
      } catch (error) {
        warn(error.message);
      }
      begin = Date.now();
    }
  }
}
