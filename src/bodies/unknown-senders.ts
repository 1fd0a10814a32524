import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RateLimitedError } from '../common/app-error.js';
import { WindowCounts } from '../common/window-counts.js';
import { Env } from '../config/env.js';
import { limitedNetworks } from '../registry/network.js';

const SECOND_MS = 1000;

/**
 * Bodies a second that an address may send without a good key or sign-in. Counted by each process for itself, in memory:
 * asking Redis would cost more than reading the body.
 */
@Injectable()
export class UnknownSenders {
  private readonly counts = new WindowCounts(SECOND_MS);

  constructor(private readonly env: Env) {}

  /** Counts a body. @throws RateLimitedError when the address has sent its number of them in this second */
  count(request: FastifyRequest): void {
    const limit = this.env.rateLimits.bodies;
    // Those beyond the limit of a wide network fill no memory with their own names.
    const full = limitedNetworks(request.visitorAddress).find(
      ({ name, times }) => this.counts.add(name) > limit * times,
    )?.name;
    if (full === undefined) return;
    const waitS = Math.max(1, Math.ceil(this.counts.msLeft(full) / 1000));
    throw new RateLimitedError(
      `The limit is ${limit} bodies a second for an address that shows no good API key. Send the key as x-api-key.`,
      waitS,
      { 'ratelimit-limit': String(limit), 'ratelimit-remaining': '0', 'ratelimit-reset': String(waitS) },
    );
  }

  /** A body that was counted turned out to hold a good key. */
  giveBack(request: FastifyRequest): void {
    for (const { name } of limitedNetworks(request.visitorAddress)) this.counts.remove(name);
  }

  /** Whether the next body would be one too many. */
  isFull(address: string): boolean {
    const limit = this.env.rateLimits.bodies;
    return limitedNetworks(address).some(({ name, times }) => this.counts.count(name) >= limit * times);
  }
}
