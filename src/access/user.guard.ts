import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { UnauthorizedError } from '../common/app-error.js';
import { type PresentedToken, presentedToken } from '../common/presented-token.js';
import { SessionCookies } from './session-cookies.js';
import { SessionCheck } from './session-check.js';

/** Lets in who shows the token of a signed-in person, as bearer or as cookie. */
@Injectable()
export class UserGuard implements CanActivate {
  constructor(
    private readonly sessions: SessionCheck,
    private readonly cookies: SessionCookies,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const presented = presentedToken(request, { cookie: this.cookies.session });
    if (!presented) throw new UnauthorizedError('key_missing', 'Sign in first: GET /api/auth/google.');
    await this.admit(request, presented);
    return true;
  }

  /** @throws UnauthorizedError, ForbiddenError */
  async admit(request: FastifyRequest, presented: PresentedToken): Promise<void> {
    if (presented.source === 'cookie') this.cookies.assertOwnOrigin(request);
    request.caller = await this.sessions.authenticate(presented.token);
  }
}
