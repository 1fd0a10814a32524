import { useSyncExternalStore } from 'react';

/** ms after which a call is late. It may well take longer, so it is waited for all the same. */
const LATE_AFTER_MS = 3000;
/** ms from which a pause before the next try is told. */
const LONG_PAUSE_MS = 3000;

export const STILL_WAITING = 'The server has not answered yet. Still waiting …';

/** What the page waits for, beside what is usual. */
interface Waiting {
  /** Whether any call is late. */
  isLate: boolean;
  /** When a call is made again that the server asked to be made later, ms. */
  againAt: number | undefined;
}

/** Calls that are late, each by a key of its own. */
const late = new Set<symbol>();
const listeners = new Set<() => void>();
let now: Waiting = { isLate: false, againAt: undefined };

function set(changed: Partial<Waiting>): void {
  now = { ...now, ...changed };
  for (const listener of listeners) listener();
}

/**
 * Makes the page say that it still waits, from a while after a call was made until the call is over.
 * @param afterMs how long the call may take until it is late
 * @returns what the call returns, or throws
 */
export async function watched<T>(call: Promise<T>, afterMs = LATE_AFTER_MS): Promise<T> {
  const key = Symbol();
  const timer = setTimeout(() => {
    late.add(key);
    set({ isLate: true });
  }, afterMs);
  try {
    return await call;
  } finally {
    clearTimeout(timer);
    if (late.delete(key)) set({ isLate: late.size > 0 });
  }
}

/** Makes the page say when it asks again, where that is not in a moment. @param pauseMs until then */
export function announcePause(pauseMs: number): void {
  if (pauseMs < LONG_PAUSE_MS) return;
  const againAt = Date.now() + pauseMs;
  if (againAt <= (now.againAt ?? 0)) return;
  set({ againAt });
  setTimeout(() => now.againAt === againAt && set({ againAt: undefined }), pauseMs);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** What the page waits for now. */
export function useWaiting(): Waiting {
  return useSyncExternalStore(subscribe, () => now);
}
