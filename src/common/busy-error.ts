/** 1205 lock wait timeout, 1213 deadlock: somebody else was at the same rows, and MySQL ended what was asked. */
const BUSY_ERRNOS: ReadonlySet<number> = new Set([1205, 1213]);
/** A SELECT took longer than its session allows: 1969 on MariaDB, 3024 on MySQL. */
const TOO_LONG_ERRNOS: ReadonlySet<number> = new Set([1969, 3024]);
/** mysql2 says it in words alone. */
const QUEUE_FULL = 'Queue limit reached.';

/** Whether the same may go well a moment later. @param error of mysql2, or TypeORM's of one */
export function isBusy(error: unknown): boolean {
  return BUSY_ERRNOS.has((error as { errno?: number }).errno ?? 0);
}

/** Whether too many wait for a connection to MySQL already. @param error as above */
export function isQueueFull(error: unknown): boolean {
  return (error as Error | undefined)?.message === QUEUE_FULL;
}

/** Whether MySQL ended a statement that took too long. @param error as above */
export function isTooLong(error: unknown): boolean {
  return TOO_LONG_ERRNOS.has((error as { errno?: number }).errno ?? 0);
}

/** Whether the connection to MySQL was lost: mysql2 marks such an error, and gives some of them no code. @param error as above */
export function isConnectionLost(error: unknown): boolean {
  return (error as { fatal?: boolean } | undefined)?.fatal === true;
}
