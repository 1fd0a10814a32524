import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { buildEnvironment } from './environments.mjs';
import { endProcess, removePid, writePid } from './processes.mjs';
import { nestCli } from './prepare.mjs';
import { ROOT } from './settings.mjs';
import { readable, say, warn } from './terminal.mjs';

/** npm run dev: builds after each change, then has API and worker started again. */
export class SourceWatch {
  #child;
  #queue = Promise.resolve();
  #first = true;

  constructor(dataDir, env, restart) {
    this.pidFile = dataDir.pidFile('build');
    this.env = env;
    this.restart = restart;
  }

  start() {
    const args = [nestCli(), 'build', '--watch', '--watchAssets', '--preserveWatchOutput'];
    this.#child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: buildEnvironment(this.env),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (this.#child.pid) writePid(this.pidFile, this.#child.pid);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => this.#heard(text));
    }
    this.#child.on('error', (error) => warn(`The watching build cannot be run: ${error.message}`));
  }

  async stop() {
    if (this.#child?.pid) await endProcess(this.#child.pid, 5000);
    removePid(this.pidFile);
  }

  #heard(text) {
    const lines = stripVTControlCharacters(text).split('\n');
    const errors = lines.filter((line) => line.trim() && !/Found 0 errors|compilation|asset pattern/.test(line));
    if (errors.length > 0) say(errors.join('\n'));
    if (!lines.some((line) => line.includes('Found 0 errors'))) return;
    // The first one only says that watching has begun.
    if (this.#first) return void (this.#first = false);
    const begin = Date.now();
    this.#queue = this.#queue
      .then(() => this.restart())
      .then(
        () => say(`ready again after ${((Date.now() - begin) / 1000).toFixed(1)} s`),
        (error) => warn(readable(error)),
      );
  }
}
