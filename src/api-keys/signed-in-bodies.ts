import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { FastifyRequest } from 'fastify';
import { SessionCookies } from '../auth/session-cookies.js';
import type { BodyRules, BodySender } from '../bodies/body-rules.js';
import { presentedToken } from '../common/presented-token.js';
import { TokenRing } from '../common/token-ring.js';
import { Env } from '../config/env.js';
import { SMALL_BODY_MAX_BYTES } from '../events/limits.js';

/**
 * Bodies of every route but collect. Whether the session still lives is the guard's question to MySQL; a signature that is
 * good tells enough to parse 64 KiB.
 */
@Injectable()
export class SignedInBodies implements BodyRules {
  readonly maxBytes = SMALL_BODY_MAX_BYTES;
  private readonly ring: TokenRing;

  constructor(
    private readonly cookies: SessionCookies,
    env: Env,
    jwt: JwtService,
  ) {
    this.ring = new TokenRing(jwt, env.userTokenSecrets!, 'user');
  }

  /** The account of a sign-in's user token. Never throws: the route's guard says what is wrong with a token. */
  senderOf(request: FastifyRequest): BodySender | undefined {
    const presented = presentedToken(request, { cookie: this.cookies.session });
    if (!presented) return undefined;
    try {
      return { ownerId: String(this.ring.verify(presented.token).sub) };
    } catch {
      return undefined;
    }
  }
}
