import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { pidInFile, removeFile, writePid } from './processes.mjs';

/**
 * Takes the lock that a pid file is, or says who holds it. A file whose process is gone is taken over.
 * @returns undefined when the lock is ours, else the holder's pid
 */
export function takeLock(file) {
  const own = `${file}.${process.pid}`;
  writePid(own, process.pid);
  try {
    for (;;) {
      try {
        linkSync(own, file); // atomic, unlike looking first and writing then
        return undefined;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const holder = pidInFile(file);
      if (holder) return holder;
      setAside(file);
    }
  } finally {
    removeFile(own);
  }
}

/** Removes a stale lock; if another process took it over between our look and our move, it gets it back. */
function setAside(file) {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (pidInFile(aside)) linkSync(aside, file);
  unlinkSync(aside);
}

/** Gives the lock back if it is still ours. */
export function releaseLock(file) {
  if (pidInFile(file) === process.pid) removeFile(file);
}

/** Runs work that no two launchers may do at once in one folder; the second waits. */
export async function withLock(file, work) {
  while (takeLock(file)) await wait(200);
  try {
    return await work();
  } finally {
    releaseLock(file);
  }
}
