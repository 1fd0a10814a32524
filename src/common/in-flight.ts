import { AppError } from './app-error.js';

/**
 * Bounds how much one name may have under way at a time, in this process. Up to `running` run, up to `waiting` wait for
 * their turn in the order in which they came, and more are refused.
 */
export class InFlight {
  private readonly names = new Map<string, { running: number; waiting: (() => void)[] }>();

  constructor(
    private readonly running: number,
    private readonly waiting: number,
  ) {}

  /**
   * Does the work in the name's turn.
   * @throws AppError 429 too_many_at_once; whatever the work throws
   */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const own = this.names.get(name) ?? { running: 0, waiting: [] };
    this.names.set(name, own);
    if (own.running < this.running) own.running += 1;
    else if (own.waiting.length < this.waiting) await new Promise<void>((resolve) => own.waiting.push(resolve));
    else {
      const detail = 'Too many requests of this account are under way. Send fewer at a time; try again in a second.';
      throw new AppError(429, 'too_many_at_once', detail, { headers: { 'retry-after': '1' } });
    }
    try {
      return await work();
    } finally {
      // Whoever is done hands on the place.
      const next = own.waiting.shift();
      if (next) next();
      else if ((own.running -= 1) === 0) this.names.delete(name);
    }
  }
}
