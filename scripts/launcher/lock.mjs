import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import {
  forgetIdentity,
  noteIdentity,
  numberIn,
  pidInFile,
  removeFile,
  removeIdentity,
  removePid,
  writeNumber,
} from './processes.mjs';

/**
 * Takes the lock that a pid file is, or says who holds it. A file whose process is gone is taken over.
 * @returns undefined when the lock is ours, else the holder's pid
 */
export function takeLock(file) {
  const own = `${file}.${process.pid}`;
  // Left by an earlier process that had our pid: the note that we are about to write would make it ours.
  if (numberIn(file) === process.pid && !pidInFile(file)) setAside(file);
  noteIdentity(file, process.pid);
  writeNumber(own, process.pid);
  try {
    for (;;) {
      try {
        linkSync(own, file); // atomic, unlike looking first and writing then
        return undefined;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const holder = pidInFile(file);
      if (holder && holder !== process.pid) removeIdentity(file, process.pid);
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
  if (pidInFile(aside, file)) linkSync(aside, file);
  else forgetIdentity(file, numberIn(aside));
  unlinkSync(aside);
}

/** Gives the lock back if it is still ours. */
export function releaseLock(file) {
  if (pidInFile(file) === process.pid) removePid(file);
}

/**
 * Runs work that no two launchers may do at once in one folder; the second waits.
 * @param {AbortSignal} [signal] ends the wait
 */
export async function withLock(file, work, signal) {
  while (takeLock(file)) await wait(200, undefined, { signal });
  try {
    return await work();
  } finally {
    releaseLock(file);
  }
}
