import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../common/app-error.js';

const COLLECT_PATHS = new Set(['/api/analytics/collect', '/api/analytics/collect/batch']);

/** True for the two collect routes; the short paths are rewritten before this is asked. */
export function isCollectPath(url: string | undefined): boolean {
  return COLLECT_PATHS.has((url ?? '').split('?', 1)[0]!.replace(/\/$/, ''));
}

/**
 * What any web page may do on the two collect routes and nowhere else: cross-origin posts without credentials, and
 * JSON sent as text/plain, which is what navigator.sendBeacon can send.
 * @param parseJson the server's own
 */
export function prepareCollectHttp(app: NestFastifyApplication, parseJson: JsonParser): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  // Answers are short or hardly worth it; requests are inflated all the same.
  fastify.addHook('onRoute', (route) => {
    if (isCollectPath(route.url)) Object.assign(route, { compress: false });
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!isCollectPath(request.url)) return done();
    reply.headers(OPEN);
    if (request.method !== 'OPTIONS') return done();
    void reply.code(204).headers(PREFLIGHT).send();
  });
  fastify.addContentTypeParser('text/plain', { parseAs: 'string' }, (request, body, done) => {
    if (isCollectPath(request.url)) return parseJson(request, body as string, done);
    done(new AppError(415, 'unsupported_media_type', 'Send the body as application/json.'));
  });
}

type JsonParser = (request: FastifyRequest, body: string, done: (error: Error | null, value?: unknown) => void) => void;

/** On every answer of the two routes: they are for every origin, so there is nothing to choose (Fetch standard, CORS). */
const OPEN = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id',
};
const PREFLIGHT = {
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers': 'content-type, content-encoding, x-api-key, authorization, x-request-id',
  'access-control-max-age': '86400',
};
