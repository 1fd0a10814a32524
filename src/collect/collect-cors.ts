import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BodyParser } from '../bodies/body-reader.js';
import { AppError } from '../common/app-error.js';

const COLLECT_ROUTES = ['/api/analytics/collect', '/api/analytics/collect/batch'] as const;

/**
 * True for the two collect routes. The short paths are rewritten before this is asked.
 * @param route `routeOptions.url` of a request, never its URL: `/api/%61nalytics/collect` finds the same route
 */
export function isCollectRoute(route: string | undefined): boolean {
  return route === COLLECT_ROUTES[0] || route === COLLECT_ROUTES[1];
}

/**
 * What any web page may do on the two collect routes and nowhere else: cross-origin posts without credentials, and
 * JSON sent as text/plain or without a type, which is what navigator.sendBeacon can send.
 * @param parseJson as for application/json
 */
export function prepareCollectHttp(app: NestFastifyApplication, parseJson: BodyParser): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRoute', (route) => {
    if (!isCollectRoute(route.url)) return;
    // Answers are short, or hardly worth compressing.
    Object.assign(route, { compress: false, onRequest: [openToAll, route.onRequest ?? []].flat() });
  });
  for (const route of COLLECT_ROUTES) {
    fastify.options(route, (_request, reply) => reply.code(204).headers(PREFLIGHT).send());
  }
  fastify.addContentTypeParser('text/plain', (request, payload, done) => {
    if (isCollectRoute(request.routeOptions.url)) return parseJson(request, payload, done);
    done(new AppError(415, 'unsupported_media_type', 'Send the body as application/json.'));
  });
}

/** On every answer of the two routes: they are for every origin, so there is nothing to choose (Fetch standard, CORS). */
const OPEN = {
  'access-control-allow-origin': '*',
  // helmet's same-origin makes Firefox report each beacon as blocked.
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-expose-headers': 'Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id',
};

/** Before anything can be found wrong. */
function openToAll(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  reply.headers(OPEN);
  // A browser sends a Blob without a type in a request without a Content-Type.
  if (request.method === 'POST') request.headers['content-type'] ||= 'text/plain';
  done();
}

const PREFLIGHT = {
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers': 'content-type, content-encoding, x-api-key, authorization, x-request-id',
  'access-control-max-age': '86400',
};
