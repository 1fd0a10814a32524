import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { AppError, RateLimitedError, UnavailableError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import { BATCH_MAX_EVENTS } from '../events/limits.js';
import { RegistryService } from '../registry/registry.service.js';
import { type LimitState, SharedLimiter } from './shared-limiter.js';

const LIMIT_NAMES = ['address', 'key', 'account'] as const;
type LimitName = (typeof LIMIT_NAMES)[number];

/** Before the end of a second, ms. */
const GIVEN_BACK_BEFORE_MS = 200;

interface NamedState extends LimitState {
  name: LimitName;
  points: number;
}

/**
 * Events a second per address, key and account, shared by all processes through Redis. The three are asked at once, in one
 * round trip; what one refuses is given back to the others, so that whoever is over the limit of their address or key
 * takes nothing from the account. Whoever was refused a moment ago is asked after step by step, and takes it not even for
 * the time of a round trip.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly limiters: readonly Limit[];

  constructor(
    redis: Redis,
    env: Env,
    private readonly registry: RegistryService,
  ) {
    this.limiters = LIMIT_NAMES.map((name) => {
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
    const who = { key: caller.keyId, account: caller.ownerId, address: this.registry.addressName(request.ip) };
    const events = eventsIn(request.body);
    this.refuseWhatNeverFits(events);
    const states = this.knownRefusal(who) ?? (await this.consume(who, events));
    const tightest = states.reduce((a, b) => (b.points - b.consumed < a.points - a.consumed ? b : a));
    const refusing = states.find(isExceeded);
    const headers = limitHeaders(tightest);
    void reply.headers(headers);
    if (!refusing) return true;
    throw new RateLimitedError(
      `The limit is ${refusing.points} events a second for this ${refusing.name}. Send it again after Retry-After.`,
      Math.max(1, Math.ceil(refusing.msBeforeNext / 1000)),
      headers,
    );
  }

  /** More events than a whole second of a limit holds would be refused for ever, and "send it again" would be wrong. */
  private refuseWhatNeverFits(events: number): void {
    const least = Math.min(...this.limiters.map(({ points }) => points));
    if (events <= least) return;
    const detail = `A batch may hold ${least} events here: that is the limit for a second (RATE_LIMITS). Send smaller batches.`;
    throw new AppError(413, 'batch_over_limit', detail);
  }

  /** A limit that this process saw exceeded, and whose second is not over: nobody needs to be asked. */
  private knownRefusal(who: Record<LimitName, string>): NamedState[] | undefined {
    for (const { name, points, limiter } of this.limiters) {
      const msBeforeNext = limiter.refusedFor(who[name]);
      if (msBeforeNext > 0) return [{ name, points, consumed: points + 1, msBeforeNext }];
    }
    return undefined;
  }

  /** @throws UnavailableError */
  private async consume(who: Record<LimitName, string>, events: number): Promise<NamedState[]> {
    try {
      const suspect = this.limiters.some(({ name, limiter }) => limiter.isSuspect(who[name]));
      return await (suspect ? this.stepByStep(who, events) : this.allAtOnce(who, events));
    } catch (error) {
      throw new UnavailableError('buffer_unavailable', 'Events cannot be taken just now. Send it again.', 2, error);
    }
  }

  private async allAtOnce(who: Record<LimitName, string>, events: number): Promise<NamedState[]> {
    const states = await Promise.all(this.limiters.map((one) => take(one, who, events)));
    const refusing = states.find(isExceeded);
    if (!refusing) return states;
    return this.refuse(refusing, states, who, events);
  }

  private async stepByStep(who: Record<LimitName, string>, events: number): Promise<NamedState[]> {
    const states: NamedState[] = [];
    for (const one of this.limiters) {
      const state = await take(one, who, events);
      states.push(state);
      if (isExceeded(state)) return this.refuse(state, states, who, events);
    }
    return states;
  }

  /** Gives back what the others took. */
  private async refuse(
    refusing: NamedState,
    asked: readonly NamedState[],
    who: Record<LimitName, string>,
    events: number,
  ): Promise<[NamedState]> {
    await Promise.all(
      asked.map(async ({ name, msBeforeNext }) => {
        const { limiter } = this.limiters.find((one) => one.name === name)!;
        if (name === refusing.name) limiter.remember(who[name], msBeforeNext);
        // Near its end the second may be over before this arrives, and the next one would begin with a credit.
        else if (msBeforeNext > GIVEN_BACK_BEFORE_MS) await limiter.giveBack(who[name], events);
      }),
    );
    return [refusing];
  }
}

/** A limit, with the limiter that counts what is taken of it. */
interface Limit {
  name: LimitName;
  points: number;
  limiter: SharedLimiter;
}

async function take({ name, points, limiter }: Limit, who: Record<LimitName, string>, events: number) {
  return { name, points, ...(await limiter.consume(who[name], events)) };
}

function isExceeded({ points, consumed }: NamedState): boolean {
  return consumed > points;
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
