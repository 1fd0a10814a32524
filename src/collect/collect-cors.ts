import cors from '@fastify/cors';
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
export async function prepareCollectHttp(app: NestFastifyApplication, parseJson: JsonParser): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  await app.register(cors as never, {
    hook: 'onRequest',
    delegator: (request: FastifyRequest, done: (error: Error | null, options: object) => void) =>
      done(null, isCollectPath(request.url) ? CORS : { origin: false, preflight: false }),
  });
  fastify.addContentTypeParser('text/plain', { parseAs: 'string' }, (request, body, done) => {
    if (isCollectPath(request.url)) return parseJson(request, body as string, done);
    done(new AppError(415, 'unsupported_media_type', 'Send the body as application/json.'));
  });
}

type JsonParser = (request: FastifyRequest, body: string, done: (error: Error | null, value?: unknown) => void) => void;

const CORS = {
  origin: '*',
  methods: ['POST', 'OPTIONS'],
  allowedHeaders: ['content-type', 'content-encoding', 'x-api-key', 'authorization', 'x-request-id'],
  exposedHeaders: ['Retry-After', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'X-Request-Id'],
  maxAge: 86_400,
  strictPreflight: false,
};
