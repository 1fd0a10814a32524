import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type AppError, RateLimitedError, type UnauthorizedError } from '../common/app-error.js';
import { WindowCounts } from '../common/window-counts.js';
import { Env } from '../config/env.js';
import { limitedNetworks } from '../registry/network.js';

const MINUTE_MS = 60_000;
const SECOND_MS = 1000;
/**
 * Signatures that are still verified each second for an address whose keys were refused too often. A good key that this
 * process has not met before is let in by one of these; one that it has met is never held back.
 */
const TRIALS_A_SECOND = 100;

/**
 * Slows down whoever sends one bad API key after another. Counted for each address by each process for itself, in memory.
 * A good key from the same address (an office, a proxy) is served all the same.
 */
@Injectable()
export class RefusedKeys {
  private readonly refusals = new WindowCounts(MINUTE_MS);
  private readonly trials = new WindowCounts(SECOND_MS);

  constructor(private readonly env: Env) {}

  /** Called before the signature of a key is verified that this process has not met. @throws RateLimitedError */
  assertMayTry(request: FastifyRequest): void {
    const full = limitedNetworks(request.visitorAddress).find(({ name, times }) => this.isOver(name, times));
    if (full && this.trials.add(full.name) > TRIALS_A_SECOND * full.times) throw this.tooMany(full.name);
  }

  /** Counts a refusal. @returns what to answer: the refusal itself, or that there were too many */
  note(request: FastifyRequest, refusal: UnauthorizedError): AppError {
    const networks = limitedNetworks(request.visitorAddress);
    for (const { name } of networks) this.refusals.add(name);
    const full = networks.find(({ name, times }) => this.isOver(name, times));
    return full ? this.tooMany(full.name, refusal) : refusal;
  }

  private isOver(name: string, times: number): boolean {
    return this.refusals.count(name) > this.env.rateLimits.refused_keys * times;
  }

  /** @param refusal the answer otherwise; it goes to the log only */
  private tooMany(name: string, refusal?: UnauthorizedError): RateLimitedError {
    const waitS = Math.max(1, Math.ceil(this.refusals.msLeft(name) / 1000));
    return new RateLimitedError(
      `${this.env.rateLimits.refused_keys} API keys from this address were refused within a minute. Check the key; try again after Retry-After.`,
      waitS,
      {},
      refusal,
    );
  }
}
