import type { DataSource, EntityManager } from 'typeorm';
import { withNamedLock } from '../../database/named-lock.js';
import { retried } from '../../database/retried.js';

/** Seconds to wait for the one who seals. */
const WAIT_S = 10;

/**
 * A transaction while nobody seals: what was sealed before is committed, and nothing is read that the work takes away.
 * @throws when somebody sealed all the time; the caller tries again later
 */
export async function whileNobodySeals<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const done = await withNamedLock(dataSource, 'sealing', WAIT_S, async (runner) => ({
    result: await retried(() => runner.manager.transaction(work)),
  }));
  if (!done) throw new Error('The one who seals was busy for too long; it is tried again');
  return done.result;
}
