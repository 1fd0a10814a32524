import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { releaseLock, takeLock } from '../scripts/launcher/lock.mjs';
import { endProcess, pidInFile, removePid, writePid } from '../scripts/launcher/processes.mjs';

describe('a pid file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallystone-pids-'));
  const file = join(folder, 'one.pid');
  let child: ChildProcess;
  beforeEach(() => {
    child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    writePid(file, child.pid!);
  });
  afterEach(() => {
    child.kill('SIGKILL');
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const note = (): string => `${file}.${child.pid}.started`;
  const change = (text: string): void => writeFileSync(note(), `${text}\n`);

  test('holds one number, as other tools expect, and leaves nothing behind', () => {
    expect(readFileSync(file, 'utf8')).toBe(`${child.pid}\n`);
    writePid(file, process.pid);
    expect(readdirSync(folder)).toEqual(['one.pid', `one.pid.${process.pid}.started`]);
    removePid(file);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('names its process while that runs, wherever the clock was set since', async () => {
    for (const time of [0, Date.now() / 1000 + 1e9]) {
      utimesSync(file, time, time);
      expect(pidInFile(file)).toBe(child.pid);
    }
    expect(await endProcess(child.pid!, 10_000)).toBe(true);
    expect(pidInFile(file)).toBeUndefined();
  });

  test('names no other process that has come to the pid', () => {
    const identity = readFileSync(note(), 'utf8').trim();
    const later = identity.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
    for (const other of [later, `another-boot ${identity.split(' ').at(-1)}`, '']) {
      change(other);
      expect(pidInFile(file)).toBeUndefined();
    }
    change(identity);
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
    change('another-boot 1');
    expect(takeLock(file)).toBeUndefined();
    expect(pidInFile(file)).toBe(process.pid);
    expect(takeLock(file)).toBe(process.pid);
    releaseLock(file);
    expect(pidInFile(file)).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that an earlier process with our pid left is no lock', () => {
    writePid(file, process.pid);
    writeFileSync(`${file}.${process.pid}.started`, 'another-boot 1\n');
    expect(takeLock(file)).toBeUndefined();
    expect(pidInFile(file)).toBe(process.pid);
    releaseLock(file);
  });
});
