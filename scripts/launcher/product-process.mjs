import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { productEnvironment } from './environments.mjs';
import { LogFile } from './log-file.mjs';
import { ENGINE_FLAGS, NODE_FLAGS } from './node-flags.mjs';
import { programFile } from './programs.mjs';
import { endProcess, removePid, writePid } from './processes.mjs';
import { nice, ROOT } from './settings.mjs';
import { LaunchError, say, warn } from './terminal.mjs';

const START_DEADLINE_MS = 60_000;
const BACK_OFF_MS = [300, 1000, 2000, 5000, 10_000, 30_000];
const WELL_MS = 60_000;
/** A process that kills itself says why just before. */
const LAST_WORDS_MS = 1000;
/** Why nothing is lost with a process that had to be killed. */
const KEPT = {
  api: 'what it had accepted is safe in Redis',
  worker: 'what it had accepted is safe in Redis',
  engine: 'MySQL has all that it holds',
};
const NOTICES_SHOWN = /^(?!ready )/; // the launcher says `ready` itself

/** The API, the worker or the engine: logged, watched, started again when it dies. */
export class ProductProcess {
  #child;
  #stopping = false;
  #deaths = 0;
  /** Whether it is started again when it dies. */
  #watched = false;
  #errors = '';
  #errorsAt = 0;
  /** What the last warning quoted. */
  #told = '';
  #timer;

  /**
   * @param name `api`, `worker` or `engine`, which decides what it gets of `env`
   * @param program which of `PROGRAMS` it runs
   * @param watched whether it runs what `npm run dev` compiles
   * @param isReady (pid) => whether it serves
   * @param stopDeadlineMs how long it may finish what it holds
   */
  constructor({ name, program, watched = false, env, dataDir, isReady, stopDeadlineMs }) {
    this.name = name;
    this.file = programFile(program, { watched });
    this.env = env;
    this.dataDir = dataDir;
    this.isReady = isReady;
    this.stopDeadlineMs = stopDeadlineMs;
    this.log = new LogFile(dataDir.log(name));
  }

  /** @throws LaunchError with what it said, when it ends before it was ready */
  async start() {
    if (this.#stopping) return;
    this.#spawn();
    await this.#ready();
    this.#watched = true;
  }

  /** Starts it, and starts it again as often as it ends before it is ready. @returns false when it was stopped before */
  async startPatiently() {
    this.#watched = true;
    if (!this.#stopping) this.#spawn();
    while (!this.#stopping && !(await this.isReady(this.#child.pid))) await wait(100);
    return !this.#stopping;
  }

  async #ready() {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (!(await this.isReady(this.#child.pid))) {
      if (this.#stopping) return;
      if (hasEnded(this.#child))
        throw new LaunchError(this.#errors.trim() || `${this.name} ended (its log: ${nice(this.log.path)})`);
      if (Date.now() > deadline) throw new LaunchError(`${this.name} is not ready; its log: ${nice(this.log.path)}`);
      await wait(50);
    }
  }

  /** For a new build. @throws LaunchError when the new one does not start; it is tried again meanwhile */
  async restart() {
    const old = this.#child;
    this.#child = undefined; // its end is no accident
    clearTimeout(this.#timer);
    if (!hasEnded(old)) await endProcess(old.pid, this.stopDeadlineMs);
    if (this.#stopping) return;
    this.#spawn();
    await this.#ready();
  }

  async stop() {
    this.#stopping = true;
    clearTimeout(this.#timer);
    if (!hasEnded(this.#child) && !(await endProcess(this.#child.pid, this.stopDeadlineMs))) {
      warn(`${this.name} did not stop in time and was killed; ${KEPT[this.name]}`);
    }
    removePid(this.dataDir.pidFile(this.name));
  }

  #spawn() {
    const begin = Date.now();
    this.#errors = '';
    const flags = this.name === 'engine' ? ENGINE_FLAGS : NODE_FLAGS;
    const child = spawn(process.execPath, [...flags, this.file], {
      cwd: ROOT,
      env: productEnvironment(this.name, this.env),
      detached: true, // Ctrl-C at the terminal reaches the launcher alone, which stops everything in order
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    if (child.pid) writePid(this.dataDir.pidFile(this.name), child.pid);
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      this.log.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.includes('"notice":true')) tell(line);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.log.write(text);
      this.#errors = (this.#errors + text).slice(-8000);
      this.#errorsAt = Date.now();
    });
    child.on('error', (error) => (this.#errors += error.message));
    child.on('close', (code, signal) => {
      if (this.#child !== child) return;
      // What it said long before is not why.
      if (signal && Date.now() - this.#errorsAt > LAST_WORDS_MS) this.#errors = '';
      this.#died(signal ?? `exit code ${code}`, Date.now() - begin);
    });
  }

  #died(how, lived) {
    if (this.#stopping || !this.#watched) return;
    this.#deaths = lived > WELL_MS ? 1 : this.#deaths + 1;
    const pause = BACK_OFF_MS[Math.min(this.#deaths, BACK_OFF_MS.length) - 1];
    const said = this.#errors.trim().split('\n').slice(-6).join('\n');
    // One that cannot start says the same each time: it is told until the pauses are at their longest.
    if (said !== this.#told || this.#deaths <= BACK_OFF_MS.length) {
      warn(`${this.name} ended by itself (${how}); starting it again in ${pause / 1000} s${said ? `\n${said}` : ''}`);
    }
    this.#told = said;
    this.#timer = setTimeout(() => this.#spawn(), pause);
  }
}

/** Asked of Node, which knows its children: the pid may be somebody else's by now. */
function hasEnded(child) {
  return !child?.pid || child.exitCode !== null || child.signalCode !== null;
}

/** A record of the log that people should see, as plain text. */
function tell(line) {
  try {
    const { notice, msg } = JSON.parse(line);
    if (notice === true && NOTICES_SHOWN.test(msg)) say(msg);
  } catch {
    // not a record of ours
  }
}
