import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { LaunchError } from './terminal.mjs';

/** /proc counts in ticks of 1/100 s on every Linux that Node supports. */
const TICK_MS = 10;
/** The boot time in /proc and the clock of `ps` are exact to a second. */
const CLOCK_SLACK_MS = 2000;

/** What is known of a running process; undefined when it has ended (a zombie has). */
export function inspect(pid) {
  return process.platform === 'linux' ? inspectProc(pid) : inspectPs(pid);
}

function inspectProc(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if ('ZX'.includes(fields[0])) return undefined;
    const boot = Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))[1]) * 1000;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { startedAt: boot + Number(fields[19]) * TICK_MS, command };
  } catch {
    return undefined;
  }
}

function inspectPs(pid) {
  const { stdout, status } = spawnSync('ps', ['-ww', '-o', 'stat=,etime=,command=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  const [, state, elapsed, command] = /^\s*(\S+)\s+(\S+)\s+(.*)/.exec(stdout ?? '') ?? [];
  if (status !== 0 || !elapsed || state.startsWith('Z')) return undefined;
  const [clock, days = '0'] = elapsed.split('-').reverse();
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400;
  return { startedAt: Date.now() - seconds * 1000, command };
}

export function isRunning(pid) {
  return inspect(pid) !== undefined;
}

export function writePid(file, pid) {
  writeFileSync(file, `${pid}\n`, { mode: 0o600 });
}

/**
 * The pid in a pid file, if that process still runs and is the one the file was written for: pids are given out again,
 * so the command must hold `mark`, and the process must not be younger than the file.
 */
export function pidInFile(file, mark) {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) return undefined;
    const found = inspect(pid);
    const ours = found?.command.includes(mark) && found.startedAt <= statSync(file).mtimeMs + CLOCK_SLACK_MS;
    return ours ? pid : undefined;
  } catch {
    return undefined;
  }
}

export function removeFile(file) {
  rmSync(file, { force: true });
}

/** Resolves true when the process has ended in time. */
export async function ended(pid, deadlineMs) {
  const deadline = Date.now() + deadlineMs;
  while (isRunning(pid)) {
    if (Date.now() > deadline) return false;
    await wait(30);
  }
  return true;
}

/** SIGTERM, and SIGKILL when the deadline has passed. Returns false when it had to be killed. */
export async function endProcess(pid, deadlineMs) {
  signal(pid, 'SIGTERM');
  if (await ended(pid, deadlineMs)) return true;
  signal(pid, 'SIGKILL');
  await ended(pid, 5000);
  return false;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/**
 * Runs a program to its end, silently.
 * @returns its output (both streams)
 * @throws LaunchError with the last lines of what it said
 */
export function run(command, args, { what = command, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
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
