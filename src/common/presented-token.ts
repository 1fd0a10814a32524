import type { FastifyRequest } from 'fastify';

/** A token as it came with a request, and where it was. */
export interface PresentedToken {
  token: string;
  source: 'x-api-key' | 'bearer' | 'body' | 'cookie';
}

/** Where a route also looks for a token: among the fields of the body, or in the session cookie. */
export type FurtherToken = { bodyKey: string | undefined } | { cookie: string };

/**
 * The first one present decides: `x-api-key`, Bearer, then what the route adds: the key that its body held, or the session
 * cookie. White space inside a key is ignored.
 * @param also the key in the body, or the cookie's name
 */
export function presentedToken(request: FastifyRequest, also: FurtherToken): PresentedToken | undefined {
  const fromHeader = headerToken(request);
  if (fromHeader) return fromHeader;
  if ('bodyKey' in also) {
    return also.bodyKey?.trim() ? { token: withoutSpace(also.bodyKey), source: 'body' } : undefined;
  }
  const cookie = request.cookies[also.cookie];
  return cookie ? { token: cookie, source: 'cookie' } : undefined;
}

/** The token that `x-api-key` or else `Authorization: Bearer` holds. */
export function headerToken(request: FastifyRequest): PresentedToken | undefined {
  const key = request.headers['x-api-key'];
  if (typeof key === 'string' && key.trim()) return { token: withoutSpace(key), source: 'x-api-key' };
  const bearer = /^Bearer\s+(.+)$/is.exec(request.headers.authorization ?? '')?.[1];
  return bearer?.trim() ? { token: withoutSpace(bearer), source: 'bearer' } : undefined;
}

/**
 * Takes an API key out of a body: it must not be hashed, stored or logged, whichever token decides.
 * @param names fields that may hold it; the first one with a text counts
 */
export function takeKey(body: Record<string, unknown>, names: readonly string[]): string | undefined {
  let found: string | undefined;
  for (const name of names) {
    if (!Object.hasOwn(body, name)) continue;
    const value = body[name];
    if (typeof value === 'string') found ??= value;
    delete body[name];
  }
  return found;
}

/** A key as it was meant: keys are pasted from mails, which break lines. */
export function withoutSpace(text: string): string {
  return text.replace(/\s+/g, '');
}
