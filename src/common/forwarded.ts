import type { FastifyRequest } from 'fastify';
import { isLoopbackName } from '../config/env.js';

/** True where the request came through something that says so. */
export function isForwarded(request: Pick<FastifyRequest, 'headers'>): boolean {
  return Object.keys(request.headers).some((name) => name === 'forwarded' || name.startsWith('x-forwarded-'));
}

/** True where socket peer and Host are both loopback, whatever headers say of either. */
export function isLocalRequest(request: Pick<FastifyRequest, 'headers' | 'raw'>): boolean {
  const peer = (request.raw.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return isLoopbackName(peer) && isLoopbackHost(request.headers.host);
}

/** True where a Host header names this machine itself. */
export function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && URL.canParse(`http://${host}`) && isLoopbackName(new URL(`http://${host}`).hostname);
}
