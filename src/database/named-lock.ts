import type { DataSource, QueryRunner } from 'typeorm';
import { OF_THIS_DATABASE } from './lock-name.js';
import { onOneConnection } from './silence.js';

const NAME = `CONCAT('tallystone ', ?, ' ', ${OF_THIS_DATABASE})`;
const LOCK = `SELECT GET_LOCK(${NAME}, ?) AS taken`;
const UNLOCK = `SELECT RELEASE_LOCK(${NAME})`;

/** What only one process at a time may do, over all that share the database. */
export type LockName =
  | 'archive-copy'
  | 'erasures'
  | 'old-user-tables'
  | 'partitions'
  | 'read-model-deletions'
  | 'read-model-fill'
  | 'read-model-schema'
  | 'retention';

/** Tables' parts are made and dropped here, which takes as long as it takes, and waits for whoever reads the table. */
const SILENCE_MS: Partial<Record<LockName, number>> = { partitions: 3_600_000, retention: 3_600_000 };

/**
 * Does the work while nobody else has the lock, which is the session's: it ends with it.
 * @param waitS how long to wait for the lock, seconds
 * @param work on the session that holds it
 * @returns what the work returns; undefined when somebody else had the lock all the time
 */
export async function withNamedLock<T>(
  dataSource: DataSource,
  name: LockName,
  waitS: number,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T | undefined> {
  return onOneConnection(dataSource, SILENCE_MS[name], async (runner) => {
    const [lock]: { taken: number | string | null }[] = await runner.query(LOCK, [name, waitS]);
    if (Number(lock?.taken) !== 1) return undefined;
    try {
      return await work(runner);
    } finally {
      await runner.query(UNLOCK, [name]);
    }
  });
}
