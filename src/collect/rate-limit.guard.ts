import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { RateLimitedError, UnavailableError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import { BATCH_MAX_EVENTS } from '../events/limits.js';
import { type LimitState, SharedLimiter } from './shared-limiter.js';

type LimitName = 'key' | 'account' | 'address';

interface NamedState extends LimitState {
  name: LimitName;
  points: number;
}

/**
 * Events a second per key, per account and per address, shared by all processes through Redis. The three counts are
 * asked in one turn of the event loop and so share a round trip.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly limiters: readonly {
    name: LimitName;
    points: number;
    limiter: SharedLimiter;
  }[];

  constructor(redis: Redis, env: Env) {
    this.limiters = (['key', 'account', 'address'] as const).map((name) => {
      const points = env.rateLimits[name];
      const keyPrefix = `${env.redisKeyPrefix}rate:${name}`;
      const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix, points, duration: 1 });
      return { name, points, limiter: new SharedLimiter(limiter) };
    });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const { caller } = request;
    if (caller?.kind !== 'key') throw new Error('The rate limit needs the key guard before it');
    const who = { key: caller.keyId, account: caller.ownerId, address: request.ip };
    const states = await this.consume(who, eventsIn(request.body));
    const tightest = states.reduce((a, b) => (b.points - b.consumed < a.points - a.consumed ? b : a));
    const exceeded = states.filter(({ points, consumed }) => consumed > points);
    const headers = limitHeaders(tightest);
    void reply.headers(headers);
    if (exceeded.length === 0) return true;
    const names = exceeded.map(({ name, points }) => `${points} events a second for this ${name}`).join(' and ');
    const waitMs = Math.max(...exceeded.map(({ msBeforeNext }) => msBeforeNext));
    throw new RateLimitedError(
      `The limit is ${names}. Send it again after Retry-After.`,
      Math.max(1, Math.ceil(waitMs / 1000)),
      headers,
    );
  }

  /** @throws UnavailableError */
  private async consume(who: Record<LimitName, string>, events: number): Promise<NamedState[]> {
    try {
      return await Promise.all(
        this.limiters.map(async ({ name, points, limiter }) => {
          const { consumed, msBeforeNext } = await limiter.consume(who[name], events);
          return { name, points, consumed, msBeforeNext };
        }),
      );
    } catch (error) {
      throw new UnavailableError('buffer_unavailable', 'Events cannot be taken just now. Send it again.', 2, error);
    }
  }
}

function eventsIn(body: unknown): number {
  const events = (body as { events?: unknown } | null | undefined)?.events;
  return Array.isArray(events) ? Math.min(Math.max(events.length, 1), BATCH_MAX_EVENTS) : 1;
}

function limitHeaders({ points, consumed, msBeforeNext }: NamedState): Record<string, string> {
  return {
    'ratelimit-limit': String(points),
    'ratelimit-remaining': String(Math.max(0, points - consumed)),
    'ratelimit-reset': String(Math.max(1, Math.ceil(msBeforeNext / 1000))),
  };
}
