import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ForbiddenError } from '../common/app-error.js';
import { presentedToken } from '../common/presented-token.js';
import { SessionCookies } from './session-cookies.js';

/**
 * Runs after the user guard and lets in the session cookie alone. A route that hands out tokens would otherwise let a
 * copied 15-minute token renew itself for as long as the session lives, also when it is sent as a cookie.
 * @throws ForbiddenError session_cookie_required
 */
@Injectable()
export class CookieGuard implements CanActivate {
  constructor(private readonly cookies: SessionCookies) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { caller } = request;
    if (caller?.kind !== 'user') throw new Error('The cookie guard needs the user guard before it');
    const source = presentedToken(request, { cookie: this.cookies.session })?.source;
    if (source === 'cookie' && caller.madeForCookie) return true;
    throw new ForbiddenError(
      'session_cookie_required',
      "This takes a browser's session cookie, not a bearer token. Programs renew their token at POST /api/auth/refresh.",
    );
  }
}
