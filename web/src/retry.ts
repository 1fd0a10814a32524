import { NoAnswer, Problem } from './api.js';
import { announcePause } from './waiting.js';

const TRIES = 3;
const TRIES_WHEN_BUSY = 6;
const LONGEST_PAUSE_MS = 30_000;
/** Up to this many ms are added, so that pages that were refused together do not come back together. */
const SPREAD_MS = 1000;
/** How often a panel that shows a failure asks again by itself. */
const FAILED_ASK_EVERY_MS = 15_000;

/** Whether the same call may go well later: the server was away, restarted, or had too much to do. */
export function isPassing(error: unknown): boolean {
  if (error instanceof NoAnswer) return !error.blocked;
  // Asked again, a question that took too long would take as long again.
  return error instanceof Problem && error.status >= 500 && error.code !== 'question_too_long';
}

/** Whether a question that failed is asked again at once, which its panel does not show as a failure. */
export function mayRetry(failures: number, error: Error): boolean {
  if (error instanceof Problem && error.status === 429) return failures < TRIES_WHEN_BUSY - 1;
  return isPassing(error) && failures < TRIES - 1;
}

/** @returns ms: as long as the server says, else twice as long with each failure */
export function retryDelay(failures: number, error: Error): number {
  const serverMs = error instanceof Problem ? error.retryAfterMs : undefined;
  const pauseMs =
    serverMs === undefined ? Math.min(1000 * 2 ** failures, LONGEST_PAUSE_MS) : serverMs + Math.random() * SPREAD_MS;
  if (error instanceof Problem && error.status === 429) announcePause(pauseMs);
  return pauseMs;
}

/** When a panel without an interval of its own asks again, ms; false: it does not. */
export function refetchInterval({ state }: { state: { status: string; error: unknown } }): number | false {
  return state.status === 'error' && isPassing(state.error) ? FAILED_ASK_EVERY_MS : false;
}
