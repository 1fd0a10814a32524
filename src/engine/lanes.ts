import { EngineError } from './engine-error.js';

/**
 * Whose turn it is on a number of equal places. Places are given in the order in which they were asked for.
 * @typeParam T what a place is: a session of chDB
 */
export class Lanes<T> {
  readonly #free: T[];
  readonly #waiting: Waiting<T>[] = [];

  constructor(
    readonly all: readonly T[],
    private readonly waitingMax = Infinity,
  ) {
    this.#free = [...all];
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * @param signal who waits no longer when it is aborted
   * @throws EngineError TOO_MANY_SIMULTANEOUS_QUERIES when too many wait, QUERY_WAS_CANCELLED when aborted
   */
  async run<R>(work: (place: T) => Promise<R>, signal?: AbortSignal): Promise<R> {
    const place = this.#free.pop() ?? (await this.#wait(signal));
    try {
      signal?.throwIfAborted();
      return await work(place);
    } finally {
      const next = this.#waiting.shift();
      if (next) next.take(place);
      else this.#free.push(place);
    }
  }

  #wait(signal?: AbortSignal): Promise<T> {
    if (this.#waiting.length >= this.waitingMax) {
      throw new EngineError('TOO_MANY_SIMULTANEOUS_QUERIES', 'Too many questions wait for their turn.', 503);
    }
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        const index = this.#waiting.indexOf(one);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(signal!.reason instanceof Error ? signal!.reason : new EngineError('QUERY_WAS_CANCELLED', 'Cancelled.'));
      };
      const one: Waiting<T> = {
        take: (place) => {
          signal?.removeEventListener('abort', cancel);
          resolve(place);
        },
      };
      if (signal?.aborted) return cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.push(one);
    });
  }
}

interface Waiting<T> {
  take: (place: T) => void;
}
