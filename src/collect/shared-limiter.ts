import { RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';

/** Where somebody stands after their points were taken. */
export interface LimitState {
  /** In this second, with theirs. */
  consumed: number;
  msBeforeNext: number;
}

interface Ask {
  points: number;
  resolve: (state: LimitState) => void;
  reject: (error: unknown) => void;
}

/** Names that are remembered at one time; the oldest are asked of Redis again. */
const REMEMBERED = 10_000;
const SUSPECT_MS = 10_000;

/**
 * A limiter that is asked once for all who come in one turn of the event loop under the same name. Each gets the answer
 * that they would have got one after the other.
 */
export class SharedLimiter {
  private waiting = new Map<string, Ask[]>();
  /** Name → when its second is over (ms), for those seen over the limit. */
  private readonly refused = new Map<string, number>();

  /** @param limiter shared by all processes */
  constructor(private readonly limiter: RateLimiterAbstract) {}

  /** @throws what the limiter throws when it cannot be asked; being over the limit is an answer */
  consume(name: string, points: number): Promise<LimitState> {
    return new Promise((resolve, reject) => {
      if (this.waiting.size === 0) setImmediate(() => this.ask());
      const ask = { points, resolve, reject };
      const asks = this.waiting.get(name);
      if (asks) asks.push(ask);
      else this.waiting.set(name, [ask]);
    });
  }

  /** Milliseconds for which this process knows, without asking, that the name is over the limit; 0 when it does not. */
  refusedFor(name: string): number {
    return Math.max(0, (this.refused.get(name) ?? 0) - Date.now());
  }

  /** True for a while after a refusal: whoever was over the limit may well be again. */
  isSuspect(name: string): boolean {
    const until = this.refused.get(name);
    if (until === undefined) return false;
    if (until + SUSPECT_MS > Date.now()) return true;
    this.refused.delete(name);
    return false;
  }

  /** Remembers that the name is over the limit until its second ends. */
  remember(name: string, msBeforeNext: number): void {
    this.refused.delete(name);
    if (this.refused.size >= REMEMBERED) this.refused.delete(this.refused.keys().next().value!);
    this.refused.set(name, Date.now() + msBeforeNext);
  }

  /** Points that were taken for what another limit refused. @throws what the limiter throws when it cannot be asked */
  async giveBack(name: string, points: number): Promise<void> {
    await this.limiter.reward(name, points);
  }

  private ask(): void {
    const { waiting } = this;
    this.waiting = new Map();
    for (const [name, asks] of waiting) void this.askFor(name, asks);
  }

  private async askFor(name: string, asks: Ask[]): Promise<void> {
    const sum = asks.reduce((total, { points }) => total + points, 0);
    try {
      const { consumedPoints, msBeforeNext } = await consume(this.limiter, name, sum);
      let consumed = consumedPoints - sum;
      for (const { points, resolve } of asks) resolve({ consumed: (consumed += points), msBeforeNext });
    } catch (error) {
      for (const { reject } of asks) reject(error);
    }
  }
}

async function consume(limiter: RateLimiterAbstract, name: string, points: number): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(name, points);
  } catch (rejection) {
    if (rejection instanceof RateLimiterRes) return rejection;
    throw rejection;
  }
}
