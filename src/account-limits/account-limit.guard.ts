import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError } from '../common/app-error.js';
import { countsFor } from '../common/caller.js';
import { Env } from '../config/env.js';
import { UnsentAnswers } from '../questions/unsent-answers.js';

const MINUTE_S = 60;

/** Limits of an account, by their names in RATE_LIMITS. */
type AccountLimit = 'reads' | 'changes' | 'regenerate';

/** What each limit counts, as the refusal says it. */
const ASKED: Record<AccountLimit, string> = {
  reads: 'requests that read',
  changes: 'requests that change something',
  regenerate: 'keys in place of old ones',
};

/** A route with a limit of its own, beside that on changes. */
export const LimitedBy = Reflector.createDecorator<'regenerate'>();

/** The counts of this process. Nest makes a guard for each module: they share this. */
@Injectable()
export class AccountLimiters {
  readonly reads: RateLimiterRedis;
  readonly changes: RateLimiterRedis;
  readonly regenerate: RateLimiterRedis;

  constructor(redis: Redis, env: Env) {
    const limiter = (name: AccountLimit): RateLimiterRedis => {
      const limit = { points: env.rateLimits[name], duration: MINUTE_S };
      return new RateLimiterRedis({
        ...limit,
        storeClient: redis,
        keyPrefix: `${env.redisKeyPrefix}rate:${name}`,
        inMemoryBlockOnConsumed: limit.points + 1,
        insuranceLimiter: new RateLimiterMemory(limit),
      });
    };
    this.reads = limiter('reads');
    this.changes = limiter('changes');
    this.regenerate = limiter('regenerate');
  }
}

/**
 * Limits the requests a minute of each account. All processes share the counts through Redis. While Redis is away each
 * process counts for itself, so that people can go on with their work. Runs after the guard that sets the caller;
 * {@link countsFor} says which account a request counts for. It also refuses reads of an account that leaves its answers unread.
 */
@Injectable()
export class AccountLimitGuard implements CanActivate {
  constructor(
    private readonly limiters: AccountLimiters,
    private readonly env: Env,
    private readonly reflector: Reflector,
    private readonly unsent: UnsentAnswers,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const own = this.reflector.get(LimitedBy, context.getHandler());
    if (own) await this.take(own, request, reply);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    await this.take(isRead ? 'reads' : 'changes', request, reply, own);
    if (isRead) this.unsent.assertRoom(countsFor(request.caller!));
    return true;
  }

  /**
   * Counts one request, and sets the RateLimit headers to what is left.
   * @param stated the limit that the headers state already; this one replaces it only if less of it is left
   * @throws RateLimitedError
   */
  private async take(
    name: AccountLimit,
    request: FastifyRequest,
    reply: FastifyReply,
    stated?: AccountLimit,
  ): Promise<void> {
    const { caller } = request;
    if (!caller) throw new Error('The limit of an account needs a guard before it that sets the caller');
    const account = countsFor(caller);
    const limit = this.env.rateLimits[name];
    const { remainingPoints, msBeforeNext, refused } = await consume(this.limiters[name], account);
    const resetS = Math.max(1, Math.ceil(msBeforeNext / 1000));
    const headers = {
      'ratelimit-limit': String(limit),
      'ratelimit-remaining': String(remainingPoints),
      'ratelimit-reset': String(resetS),
    };
    if (refused) {
      const detail = `The limit is ${limit} ${ASKED[name]} a minute for this account. Try again in ${resetS} s.`;
      throw new RateLimitedError(detail, resetS, headers);
    }
    if (stated && remainingPoints >= Number(reply.getHeader('ratelimit-remaining'))) return;
    void reply.headers(headers);
  }
}

async function consume(limiter: RateLimiterRedis, account: string) {
  try {
    const { remainingPoints, msBeforeNext } = await limiter.consume(account);
    return { remainingPoints, msBeforeNext, refused: false };
  } catch (rejection) {
    if (!(rejection instanceof RateLimiterRes)) throw rejection;
    return { remainingPoints: 0, msBeforeNext: rejection.msBeforeNext, refused: true };
  }
}
