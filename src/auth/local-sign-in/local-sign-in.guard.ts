import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ForbiddenError } from '../../common/app-error.js';
import { isLoopbackHost, signOfProxy } from '../../common/forwarded.js';
import { Env } from '../../config/env.js';

/**
 * While anyone can sign in as anyone, only requests made on this machine may: a Host that is not loopback, or a sign
 * of a proxy, is refused.
 * @throws ForbiddenError saying why
 */
export function assertLocalRequest(request: Pick<FastifyRequest, 'headers' | 'raw'>): void {
  if (!isLoopbackHost(request.headers.host)) {
    throw new ForbiddenError(
      'local_sign_in_refused',
      'Local sign-in answers only on this machine, at localhost or 127.0.0.1. For others, set up Google sign-in (docs/google.md).',
    );
  }
  const sign = signOfProxy(request);
  if (sign) {
    throw new ForbiddenError(
      'local_sign_in_refused',
      `Local sign-in does not answer through a proxy (${sign}). For others, set up Google sign-in (docs/google.md).`,
    );
  }
}

/** Refuses sign-in routes to anything but local requests while local sign-in is on. */
@Injectable()
export class LocalSignInGuard implements CanActivate {
  constructor(private readonly env: Env) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.env.localSignIn) assertLocalRequest(context.switchToHttp().getRequest<FastifyRequest>());
    return true;
  }
}
