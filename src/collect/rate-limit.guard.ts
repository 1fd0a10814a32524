import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError, UnavailableError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import { BATCH_MAX_EVENTS } from '../events/limits.js';

/**
 * Events a second per key, per account and per address, shared by all processes through Redis. The three counts are
 * asked in one turn of the event loop and so share a round trip.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly limiters: readonly {
    name: 'key' | 'account' | 'address';
    points: number;
    limiter: RateLimiterRedis;
  }[];

  constructor(redis: Redis, env: Env) {
    this.limiters = (['key', 'account', 'address'] as const).map((name) => {
      const points = env.rateLimits[name];
      const keyPrefix = `${env.redisKeyPrefix}rate:${name}`;
      return { name, points, limiter: new RateLimiterRedis({ storeClient: redis, keyPrefix, points, duration: 1 }) };
    });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const { caller } = request;
    if (caller?.kind !== 'key') throw new Error('The rate limit needs the key guard before it');
    const who = { key: caller.keyId, account: caller.ownerId, address: request.ip };
    const events = eventsIn(request.body);
    const states = await Promise.all(
      this.limiters.map(async ({ name, points, limiter }) => {
        const state = await consume(limiter, who[name], events);
        return { name, points, state };
      }),
    );
    const tightest = states.reduce((a, b) => (b.state.remainingPoints < a.state.remainingPoints ? b : a));
    const exceeded = states.filter(({ points, state }) => state.consumedPoints > points);
    const headers = limitHeaders(tightest.points, tightest.state);
    void reply.headers(headers);
    if (exceeded.length === 0) return true;
    const names = exceeded.map(({ name, points }) => `${points} events a second for this ${name}`).join(' and ');
    const waitMs = Math.max(...exceeded.map(({ state }) => state.msBeforeNext));
    throw new RateLimitedError(
      `The limit is ${names}. Send it again after Retry-After.`,
      Math.max(1, Math.ceil(waitMs / 1000)),
      headers,
    );
  }
}

/** Being over a limit is an answer here, not an error. */
async function consume(limiter: RateLimiterRedis, who: string, events: number): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(who, events);
  } catch (rejection) {
    if (rejection instanceof RateLimiterRes) return rejection;
    throw new UnavailableError('buffer_unavailable', 'Events cannot be taken just now. Send it again.', 2, rejection);
  }
}

function eventsIn(body: unknown): number {
  const events = (body as { events?: unknown } | null | undefined)?.events;
  return Array.isArray(events) ? Math.min(Math.max(events.length, 1), BATCH_MAX_EVENTS) : 1;
}

function limitHeaders(points: number, state: RateLimiterRes): Record<string, string> {
  return {
    'ratelimit-limit': String(points),
    'ratelimit-remaining': String(Math.max(0, state.remainingPoints)),
    'ratelimit-reset': String(Math.max(1, Math.ceil(state.msBeforeNext / 1000))),
  };
}
