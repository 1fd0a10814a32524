import type { DataSource, QueryRunner } from 'typeorm';

const LOCK = `SELECT GET_LOCK(CONCAT('tallystone sealing ', DATABASE()), ?) AS taken`;
const UNLOCK = `SELECT RELEASE_LOCK(CONCAT('tallystone sealing ', DATABASE()))`;

/**
 * Does the work while nobody else seals: one worker seals at a time, and numbers are taken away only in between.
 * @param waitS how long to wait for the lock
 * @returns undefined when somebody else had it all the time
 */
export async function withSealingLock<T>(
  dataSource: DataSource,
  waitS: number,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T | undefined> {
  const runner = dataSource.createQueryRunner();
  try {
    const [lock]: { taken: number | string | null }[] = await runner.query(LOCK, [waitS]);
    if (Number(lock?.taken) !== 1) return undefined;
    try {
      return await work(runner);
    } finally {
      await runner.query(UNLOCK);
    }
  } finally {
    await runner.release();
  }
}
