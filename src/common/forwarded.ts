import type { FastifyRequest } from 'fastify';
import { canonicalAddress } from './addresses.js';
import { isLoopbackName } from '../config/env.js';

/** True where the request came through something that says so. */
export function isForwarded(request: Pick<FastifyRequest, 'headers'>): boolean {
  return Object.keys(request.headers).some((name) => name === 'forwarded' || name.startsWith('x-forwarded-'));
}

/** Headers by which proxies name themselves or their visitor. */
const PROXY_HEADERS = ['via', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip'] as const;

/** What shows that a request came through a proxy, in words; undefined where nothing does. */
export function signOfProxy(request: Pick<FastifyRequest, 'headers' | 'raw'>): string | undefined {
  if (isForwarded(request)) return 'a Forwarded or X-Forwarded header is present';
  const header = PROXY_HEADERS.find((name) => request.headers[name] !== undefined);
  if (header) return `the header ${header} is present`;
  // Browsers and today's clients speak 1.1; nginx, unless told otherwise, passes requests on as 1.0.
  return request.raw.httpVersion === '1.0' ? 'the request is HTTP/1.0' : undefined;
}

/** True where socket peer and Host are both loopback, whatever headers say of either. */
export function isLocalRequest(request: Pick<FastifyRequest, 'headers' | 'raw'>): boolean {
  const peer = request.raw.socket.remoteAddress ?? '';
  return isLoopbackName(canonicalAddress(peer) ?? peer) && isLoopbackHost(request.headers.host);
}

/** True where a Host header names this machine itself. */
export function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && URL.canParse(`http://${host}`) && isLoopbackName(new URL(`http://${host}`).hostname);
}
