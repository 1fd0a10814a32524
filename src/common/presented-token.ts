import type { FastifyRequest } from 'fastify';

/** A token as it came with a request, and where it was. */
export interface PresentedToken {
  token: string;
  source: 'x-api-key' | 'bearer' | 'body' | 'cookie';
}

/** Names under which a collect body may carry its key. */
const BODY_NAMES = ['apiKey', 'api_key'] as const;

/**
 * The first one present decides: `x-api-key`, Bearer, then what the route adds: on collect the body's `apiKey`, elsewhere
 * the session cookie. White space inside a key is ignored.
 */
export function presentedToken(request: FastifyRequest, also: 'body' | { cookie: string }): PresentedToken | undefined {
  const fromBody = also === 'body' ? takeFromBody(request) : undefined;
  const fromHeader = headerToken(request);
  if (fromHeader) return fromHeader;
  if (fromBody?.trim()) return { token: withoutSpace(fromBody), source: 'body' };
  const cookie = also === 'body' ? undefined : request.cookies[also.cookie];
  return cookie ? { token: cookie, source: 'cookie' } : undefined;
}

/** The token that `x-api-key` or else `Authorization: Bearer` holds. */
export function headerToken(request: FastifyRequest): PresentedToken | undefined {
  const key = request.headers['x-api-key'];
  if (typeof key === 'string' && key.trim()) return { token: withoutSpace(key), source: 'x-api-key' };
  const bearer = /^Bearer\s+(.+)$/is.exec(request.headers.authorization ?? '')?.[1];
  return bearer?.trim() ? { token: withoutSpace(bearer), source: 'bearer' } : undefined;
}

/** Taken out, whoever decides: a key must not be hashed, stored or logged. */
function takeFromBody({ body }: FastifyRequest): string | undefined {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return undefined;
  const fields = body as Record<string, unknown>;
  let found: string | undefined;
  for (const name of BODY_NAMES) {
    if (!Object.hasOwn(fields, name)) continue;
    if (typeof fields[name] === 'string') found ??= fields[name];
    delete fields[name];
  }
  return found;
}

/** A key as it was meant: keys are pasted from mails, which break lines. */
export function withoutSpace(text: string): string {
  return text.replace(/\s+/g, '');
}
