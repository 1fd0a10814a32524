import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** A person with a live session. Ids are 32 hex digits. */
export interface UserCaller {
  kind: 'user';
  userId: string;
  sessionId: string;
  email: string;
  /** Whether the token was made for the session cookie. It may still have been sent in a header. */
  madeForCookie: boolean;
}

/** A program with an API key. */
export interface KeyCaller {
  kind: 'key';
  keyId: string;
  appId: string;
  /** The account that owns the app; the app's own id in the moment before this process has heard of the app. */
  ownerId: string;
  scopes: readonly ('write' | 'read')[];
}

export type Caller = UserCaller | KeyCaller;

/**
 * The name that a caller's requests and questions count for. Keys that cannot read sit in web pages, where anybody can copy
 * them: what is asked with them counts apart, so that it never uses up what the account's owner may ask.
 * @returns the account (32 hex digits), or `public:` and the account
 */
export function countsFor(caller: Caller): string {
  if (caller.kind === 'user') return caller.userId;
  return caller.scopes.includes('read') ? caller.ownerId : `public:${caller.ownerId}`;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guards; nobody else writes it. */
    caller?: Caller;
  }
}

/** The signed-in person; only on routes behind the user guard. */
export const CurrentUser = createParamDecorator((_data: unknown, context: ExecutionContext): UserCaller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (caller?.kind !== 'user') throw new Error('A route reads its user without the user guard');
  return caller;
});

/** The API key; only on routes behind the key guard. */
export const CurrentKey = createParamDecorator((_data: unknown, context: ExecutionContext): KeyCaller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (caller?.kind !== 'key') throw new Error('A route reads its key without the key guard');
  return caller;
});
