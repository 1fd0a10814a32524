import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { SessionCookies } from './session-cookies.js';
import { UserGuard } from './user.guard.js';
import { UnauthorizedError } from '../common/app-error.js';
import { presentedToken } from '../common/presented-token.js';
import { tokenKind } from '../common/token-ring.js';
import { assertScope, KeyAuthenticator } from './key-authenticator.js';
import { type KeyDemand, KeyDemanded } from './key.guard.js';

/** Lets in a signed-in person, or a key with the scope that the route asks for. */
@Injectable()
export class ReaderGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: KeyAuthenticator,
    private readonly users: UserGuard,
    private readonly cookies: SessionCookies,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    await this.admit(request, this.reflector.get(KeyDemanded, context.getHandler()).scope);
    return true;
  }

  /**
   * Sets the request's caller. May be asked again while a long answer is under way.
   * @param scope that a key must have
   * @throws UnauthorizedError, ForbiddenError
   */
  async admit(request: FastifyRequest, scope: KeyDemand['scope']): Promise<void> {
    const presented = presentedToken(request, { cookie: this.cookies.session });
    if (!presented) {
      throw new UnauthorizedError('key_missing', 'Sign in, or send an API key with the scope "read" as x-api-key.');
    }
    if (presented.source !== 'x-api-key' && tokenKind(presented.token) === 'user') {
      await this.users.admit(request, presented);
      return;
    }
    const caller = this.keys.authenticate(presented.token, request);
    assertScope(caller, scope);
    request.caller = caller;
  }
}
