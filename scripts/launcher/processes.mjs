import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { serverEnvironment } from './environments.mjs';
import { LaunchError } from './terminal.mjs';

/**
 * What tells a running process from every other, whoever had its pid before and wherever the clock was set since.
 * Undefined when it has ended (a zombie has).
 */
export function identify(pid) {
  return process.platform === 'linux' ? identifyByProc(pid) : identifyByPs(pid);
}

/** The boot, and the moment of the start in ticks since then. */
function identifyByProc(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything. After it: the state, which is field 3; the start is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(fields[0]) ? undefined : `${bootId()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

function bootId() {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'boot'; // hidden in some containers: the ticks alone then
  }
}

/** The start to the second, as the system noted it. */
function identifyByPs(pid) {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: serverEnvironment({ LC_ALL: 'C', TZ: 'UTC' }),
  });
  const [, state, startedAt] = /^\s*(\S+)\s+(.*\S)/.exec(stdout ?? '') ?? [];
  return startedAt && !state.startsWith('Z') ? startedAt : undefined;
}

/** Whether a process runs, and is still the one that was identified. */
export function isRunning(pid, identity) {
  const now = identify(pid);
  return now !== undefined && now === identity;
}

/**
 * Writes a pid file: one number, as other tools expect. What tells whether that process is still the same one is noted in a
 * file beside it, and first, so that a reader of the pid file finds it.
 */
export function writePid(file, pid) {
  const former = numberIn(file);
  noteIdentity(file, pid);
  writeNumber(file, pid);
  if (former !== pid) removeIdentity(file, former);
}

export function writeNumber(file, pid) {
  writeFileSync(file, `${pid}\n`, { mode: 0o600 });
}

/** Notes which process a pid file is about to name. */
export function noteIdentity(file, pid) {
  writeFileSync(identityFile(file, pid), `${identify(pid) ?? ''}\n`, { mode: 0o600 });
}

export function removeIdentity(file, pid) {
  removeFile(identityFile(file, pid));
}

/** Removes the note about a process that has ended. */
export function forgetIdentity(file, pid) {
  if (!isNoted(file, pid)) removeIdentity(file, pid);
}

/**
 * The pid in a pid file, if the process that the file was written for still runs: pids are given out again.
 * @param name the file's name when it was written, where it was renamed since
 */
export function pidInFile(file, name = file) {
  const pid = numberIn(file);
  return pid > 1 && isNoted(name, pid) ? pid : undefined;
}

/** The number in a pid file, whichever process has it now; 0 where there is none. */
export function numberIn(file) {
  const pid = Number(readText(file));
  return Number.isSafeInteger(pid) ? pid : 0;
}

/** Removes a pid file, and the note beside it. */
export function removePid(file) {
  const pid = numberIn(file);
  removeFile(file);
  removeIdentity(file, pid);
}

function isNoted(file, pid) {
  return isRunning(pid, readText(identityFile(file, pid)));
}

/** It holds the pid, so that a new process's note replaces nobody's. */
function identityFile(file, pid) {
  return `${file}.${pid}.started`;
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

export function removeFile(file) {
  rmSync(file, { force: true });
}

/**
 * SIGTERM, and SIGKILL when the deadline has passed.
 * @param identity of the process; whoever has the pid now unless it is given
 * @returns false when it had to be killed
 */
export async function endProcess(pid, deadlineMs, identity = identify(pid)) {
  if (!isRunning(pid, identity)) return true;
  signal(pid, 'SIGTERM');
  if (await ended(pid, identity, deadlineMs)) return true;
  signal(pid, 'SIGKILL');
  await ended(pid, identity, 5000);
  return false;
}

async function ended(pid, identity, deadlineMs) {
  const deadline = performance.now() + deadlineMs;
  while (isRunning(pid, identity)) {
    if (performance.now() > deadline) return false;
    await wait(30);
  }
  return true;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/**
 * Runs a program to its end, silently. Unless `env` is given, it gets the variables that every program needs.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ what?: string, cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal }} [options] `what` names it in errors
 * @returns {Promise<string>} its output (both streams)
 * @throws LaunchError with the last lines of what it said
 */
export function run(command, args, { what = command, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: serverEnvironment(), ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => reject(new LaunchError(`${what} cannot be run: ${error.message}`)));
    child.on('close', (code, signalName) => {
      if (code === 0) return resolve(output);
      const tail = output.trimEnd().split('\n').slice(-40).join('\n');
      reject(new LaunchError(`${what} failed (${signalName ?? `exit code ${code}`}):\n${tail}`));
    });
  });
}
