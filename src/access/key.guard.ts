import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { SessionCookies } from './session-cookies.js';
import { UnauthorizedError } from '../common/app-error.js';
import { presentedToken } from '../common/presented-token.js';
import { assertScope, KeyAuthenticator } from './key-authenticator.js';

/** What a route asks of a key. */
export interface KeyDemand {
  /** Undefined: any key will do. */
  scope?: 'write' | 'read';
  /** Of routes that take a key in the body. They take none from cookies. */
  inBody?: KeyInBody;
}

/** Where a route's bodies hold a key. */
export interface KeyInBody {
  /** The field to name to a client that sent no key. */
  readonly field: string | undefined;
  /** The key that a request's body held. */
  key(request: FastifyRequest): string | undefined;
}

export const KeyDemanded = Reflector.createDecorator<KeyDemand>();

/** Lets in who shows an API key with the scope that the route asks for. */
@Injectable()
export class KeyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: KeyAuthenticator,
    private readonly cookies: SessionCookies,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { scope, inBody } = this.reflector.get(KeyDemanded, context.getHandler());
    const also = inBody ? { bodyKey: inBody.key(request) } : { cookie: this.cookies.session };
    const presented = presentedToken(request, also);
    if (!presented) throw keyMissing(inBody?.field);
    const caller = this.keys.authenticate(presented.token, request);
    assertScope(caller, scope);
    request.caller = caller;
    return true;
  }
}

/** @param field of the body that may hold the key, for routes that take it there too */
export function keyMissing(field?: string): UnauthorizedError {
  const or = field ? `, or as ${field} in the body` : '';
  return new UnauthorizedError('key_missing', `Send an API key as x-api-key or Authorization: Bearer${or}.`);
}
