/** 1205 lock wait timeout, 1213 deadlock: somebody else was at the same rows, and MySQL ended what was asked. */
const BUSY_ERRNOS: ReadonlySet<number> = new Set([1205, 1213]);

/** Whether the same may go well a moment later. @param error of mysql2, or TypeORM's of one */
export function isBusy(error: unknown): boolean {
  return BUSY_ERRNOS.has((error as { errno?: number }).errno ?? 0);
}
