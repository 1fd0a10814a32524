import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import type { Engine } from './engine.js';

const LOOK_EVERY_MS = 5000;
const MIB = 1024 * 1024;
const SMALLEST_BYTES = 16 * MIB;
/** ClickHouse begins to rewrite a part only while a tenth more than its size is free. */
const FACTOR = 1.2;
/** The reserve is made, or made larger, only where the disk has this many times as much to spare. */
const SPARE = 4;

/**
 * Keeps a file as large as the largest part, and deletes it when the disk is full while rows are to be deleted: ClickHouse
 * rewrites a part before it removes the old one, so without it nobody could be erased on a full disk. Once there is room again
 * the file is made anew.
 * @param file its path, on the disk of the engine's folder
 */
export function keepReserve(engine: Engine, file: string, logger: Logger): PeriodicTask {
  const look = async (signal?: AbortSignal): Promise<void> => {
    const { largestPart, deleting } = await engine.deletions();
    const wanted = Math.max(SMALLEST_BYTES, Math.ceil(FACTOR * largestPart));
    const { bavail, bsize } = await statfs(dirname(file));
    const free = bavail * bsize;
    const reserved = await sizeOf(file);
    if (deleting && free < wanted && reserved > 0) {
      await rm(file, { force: true });
      logger.warn({ free, reserved }, 'The disk is full and rows are to be deleted: the reserve was given up for it');
    } else if (!deleting && reserved < wanted && free > SPARE * wanted) {
      await write(file, wanted, signal);
      logger.debug({ bytes: wanted }, 'The disk reserve was made');
    }
  };
  const task = new PeriodicTask({ name: 'engine-disk-reserve', intervalMs: LOOK_EVERY_MS, run: look, logger });
  void task.runNow();
  task.start();
  return task;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 0;
  }
}

/** Of random bytes: a file system would keep nothing for a file of zeros. */
async function write(file: string, bytes: number, signal?: AbortSignal): Promise<void> {
  const piece = randomBytes(MIB);
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    for (let written = 0; written < bytes; written += piece.length) {
      signal?.throwIfAborted();
      await handle.write(piece, 0, Math.min(piece.length, bytes - written));
    }
    await handle.sync();
    await rename(`${file}.new`, file);
  } catch (error) {
    await rm(`${file}.new`, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
