import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BodyParser } from '../bodies/body-reader.js';
import { AppError } from '../common/app-error.js';
import { formatOf } from './ingest-format.js';

/**
 * What any web page may do on the routes that take events, and nowhere else: cross-origin posts without credentials, and
 * JSON sent as text/plain or without a type, which is what navigator.sendBeacon can send. Call it before the routes are made.
 * @param parseJson as for application/json
 */
export function prepareCollectHttp(app: NestFastifyApplication, parseJson: BodyParser): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRoute', (route) => {
    if (!route.config?.ingestFormat) return;
    // Answers are short, or hardly worth compressing.
    Object.assign(route, { compress: false, onRequest: [openToAll, route.onRequest ?? []].flat() });
    if (route.method === 'OPTIONS') return;
    const { ingestFormat } = route.config;
    const preflight = { config: { ingestFormat }, handler: answerPreflight };
    fastify.options(route.url, preflight);
  });
  fastify.addContentTypeParser('text/plain', (request, payload, done) => {
    if (formatOf(request)) return parseJson(request, payload, done);
    done(new AppError(415, 'unsupported_media_type', 'Send the body as application/json.'));
  });
}

function answerPreflight(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(204).headers(PREFLIGHT).send();
}

/** On every answer of these routes. They are open to every origin, so the answer does not depend on it (Fetch standard, CORS). */
export const OPEN_TO_ALL = {
  'access-control-allow-origin': '*',
  // helmet's same-origin makes Firefox report each beacon as blocked.
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-expose-headers': 'Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id',
};

/** Before anything can be found wrong. */
function openToAll(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  reply.headers(OPEN_TO_ALL);
  // A browser sends a Blob without a type in a request without a Content-Type.
  if (request.method === 'POST') request.headers['content-type'] ||= 'text/plain';
  done();
}

const PREFLIGHT = {
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers': 'content-type, content-encoding, x-api-key, authorization, x-request-id',
  'access-control-max-age': '86400',
};
