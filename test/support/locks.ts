import type { QueryRunner } from 'typeorm';
import type { Stack } from './stack.js';
import { until } from './until.js';

/**
 * Holds what a transaction of the test has locked while `others` meet it; it ends when they have all been let go on.
 * @param work what the transaction does before the others begin
 */
export async function holding<T>(
  stack: Stack,
  work: (transaction: QueryRunner) => Promise<unknown>,
  others: (transaction: QueryRunner) => Promise<T>,
): Promise<T> {
  const transaction = stack.db.createQueryRunner();
  try {
    await transaction.startTransaction('REPEATABLE READ');
    await work(transaction);
    return await others(transaction);
  } finally {
    if (transaction.isTransactionActive) await transaction.rollbackTransaction();
    await transaction.release();
  }
}

/**
 * So many transactions in the stack's database wait for a row. Told by the engine's status: information_schema.INNODB_TRX
 * shows a state of a while ago to whoever looks often. Before the first of them stands the latest deadlock.
 */
export async function blocked(stack: Stack, count: number): Promise<boolean> {
  const own = 'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB = DATABASE()';
  const ids = new Set((await stack.query<{ id: string }>(own)).map(({ id }) => String(id)));
  const [engine] = await stack.query<{ Status: string }>('SHOW ENGINE INNODB STATUS');
  const waiting = engine!.Status.split('---TRANSACTION')
    .slice(1)
    .filter((text) => text.includes('LOCK WAIT'));
  return waiting.filter((text) => ids.has(/thread id (\d+)/.exec(text)?.[1] ?? '')).length >= count;
}

/** Waits until so many transactions wait for a row. */
export function untilBlocked(stack: Stack, count = 1): Promise<void> {
  return until(() => blocked(stack, count), `${count} transactions to wait for a row`);
}
