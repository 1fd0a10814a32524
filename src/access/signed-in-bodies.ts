import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { FastifyRequest } from 'fastify';
import { SessionCookies } from './session-cookies.js';
import type { BodyRules, BodySender } from '../bodies/body-rules.js';
import { RateLimitedError } from '../common/app-error.js';
import { presentedToken } from '../common/presented-token.js';
import { TokenRing } from '../common/token-ring.js';
import { WindowCounts } from '../common/window-counts.js';
import { Env } from '../config/env.js';
import { MINUTE_MS, SMALL_BODY_MAX_BYTES } from '../events/limits.js';

/**
 * Bodies of every route but collect. Whether the session still lives is the guard's question to MySQL; a signature that is
 * good tells enough to parse 64 KiB.
 */
@Injectable()
export class SignedInBodies implements BodyRules {
  readonly maxBytes = SMALL_BODY_MAX_BYTES;
  private readonly ring: TokenRing;
  /** Failed bodies, by account. The guard that counts changes comes after the body, and never hears of these. */
  private readonly failed = new WindowCounts(MINUTE_MS);

  constructor(
    private readonly cookies: SessionCookies,
    private readonly env: Env,
    jwt: JwtService,
  ) {
    this.ring = new TokenRing(jwt, env.userTokenSecrets!, 'user');
  }

  /**
   * The account of a sign-in's user token. The route's guard says what is wrong with a token.
   * @throws RateLimitedError when too many bodies of the account failed in this minute
   */
  senderOf(request: FastifyRequest): BodySender | undefined {
    const presented = presentedToken(request, { cookie: this.cookies.session });
    if (!presented) return undefined;
    const ownerId = this.accountOf(presented.token);
    if (ownerId === undefined) return undefined;
    const sender = { ownerId };
    this.assertMaySend(request, sender);
    return sender;
  }

  assertMaySend(_request: FastifyRequest, { ownerId }: BodySender): void {
    const limit = this.env.rateLimits.changes;
    if (this.failed.count(ownerId) < limit) return;
    const waitS = Math.max(1, Math.ceil(this.failed.msLeft(ownerId) / 1000));
    throw new RateLimitedError(
      `Of this account, ${limit} bodies in a minute could not be read. Try again in ${waitS} s.`,
      waitS,
      { 'ratelimit-limit': String(limit), 'ratelimit-remaining': '0', 'ratelimit-reset': String(waitS) },
    );
  }

  noteFailed(_request: FastifyRequest, { ownerId }: BodySender): void {
    this.failed.add(ownerId);
  }

  private accountOf(token: string): string | undefined {
    try {
      return String(this.ring.verify(token).sub);
    } catch {
      return undefined;
    }
  }
}
