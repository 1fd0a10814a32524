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
  /** Routes that take events: the key that the body held. Cookies are not looked at then. */
  keyInBody?: (request: FastifyRequest) => string | undefined;
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
    const { scope, keyInBody } = this.reflector.get(KeyDemanded, context.getHandler());
    const also = keyInBody ? { bodyKey: keyInBody(request) } : { cookie: this.cookies.session };
    const presented = presentedToken(request, also);
    if (!presented) throw keyMissing(Boolean(keyInBody));
    const caller = this.keys.authenticate(presented.token, request);
    assertScope(caller, scope);
    request.caller = caller;
    return true;
  }
}

/** @param inBody whether the route takes a key in the body too */
export function keyMissing(inBody = false): UnauthorizedError {
  const or = inBody ? ', or as apiKey in the body' : '';
  return new UnauthorizedError('key_missing', `Send an API key as x-api-key or Authorization: Bearer${or}.`);
}
