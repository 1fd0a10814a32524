import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { releaseLock, takeLock } from '../scripts/launcher/lock.mjs';
import { endProcess, pidInFile, writePid } from '../scripts/launcher/processes.mjs';

describe('a pid file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallystone-pids-'));
  const file = join(folder, 'one.pid');
  let child: ChildProcess;
  beforeEach(() => {
    child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    writePid(file, child.pid!);
  });
  afterEach(() => child.kill('SIGKILL'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const second = (text: string): void => {
    const [pid] = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, `${pid}\n${text}\n`);
  };

  test('names its process while that runs, wherever the clock was set since', async () => {
    expect(readFileSync(file, 'utf8').split('\n')[0]).toBe(String(child.pid));
    for (const time of [0, Date.now() / 1000 + 1e9]) {
      utimesSync(file, time, time);
      expect(pidInFile(file)).toBe(child.pid);
    }
    expect(await endProcess(child.pid!, 10_000)).toBe(true);
    expect(pidInFile(file)).toBeUndefined();
  });

  test('names no other process that has come to the pid', () => {
    const [, identity] = readFileSync(file, 'utf8').split('\n');
    const later = identity!.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
    for (const other of [later, `another-boot ${identity!.split(' ').at(-1)}`, '']) {
      second(other);
      expect(pidInFile(file)).toBeUndefined();
    }
    second(identity!);
    expect(pidInFile(file)).toBe(child.pid);
  });

  test('of a process that is not the one meant is no reason to end it', async () => {
    expect(await endProcess(child.pid!, 1000, 'another-boot 1')).toBe(true);
    expect(pidInFile(file)).toBe(child.pid);
  });

  test('is a lock: taken from nobody who lives, and from everybody who does not', () => {
    expect(takeLock(file)).toBe(child.pid);
    releaseLock(file);
    expect(takeLock(file)).toBe(child.pid);
    second('another-boot 1');
    expect(takeLock(file)).toBeUndefined();
    expect(pidInFile(file)).toBe(process.pid);
    releaseLock(file);
    expect(pidInFile(file)).toBeUndefined();
  });
});
