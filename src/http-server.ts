import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { AppError } from './common/app-error.js';
import type { Logger } from './common/logger.js';
import type { Env } from './config/env.js';
import { BODY_MAX_BYTES } from './events/limits.js';
import { formatUuid, uuidV7 } from './events/event-id.js';

/** The short paths answer the same as the long ones, but are not listed. */
const SHORT_PATHS: readonly [prefix: string, target: string][] = [
  ['/collect', '/api/analytics/collect'],
  ['/auth', '/api/auth'],
  ['/analytics', '/api/analytics'],
];

/** Milliseconds within which headers, and the whole request, must have arrived: slow senders do not hold a place. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** A body that is too large is read to its end up to here, so that its sender reads the answer. */
const DRAINED_MAX_BYTES = 16 * 1024 * 1024;

export function createAdapter(env: Env): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_MAX_BYTES,
    trustProxy: [...env.trustedProxies],
    rewriteUrl: (request: IncomingMessage) => longPath(request.url ?? '/'),
    genReqId: requestId,
    requestIdHeader: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 65_000,
    routerOptions: { maxParamLength: 512 },
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
  });
}

/** Headers, cookies, inflating, request ids and the request log: what every route shares. */
export async function prepareHttp(app: NestFastifyApplication, logger: Logger): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  await app.register(helmet as never, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false, // said by the proxy that ends TLS
  });
  // Fastify would close the connection under a sender who is still sending, who then never reads why.
  fastify.addHook('onSend', async (request, reply) => {
    if (reply.statusCode === 413 && Number(request.headers['content-length']) <= DRAINED_MAX_BYTES) {
      reply.removeHeader('connection');
    }
  });
  prepareBodies(fastify);
  await app.register(cookie as never);
  await app.register(compress as never, { global: true, threshold: 4096, requestEncodings: ['gzip', 'identity'] });
  fastify.addHook('onResponse', async (request, reply) => {
    const accepted = reply.statusCode === 202;
    const level = reply.statusCode >= 500 ? 'warn' : accepted ? 'debug' : 'info';
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      {
        requestId: request.id,
        method: request.method,
        // The template, never the path: paths and queries may hold ids of persons.
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    );
  });
}

/** Bodies are JSON; what is none is told here, since Nest forgets the code of Fastify's error. */
function prepareBodies(fastify: FastifyInstance): void {
  fastify.removeContentTypeParser(['text/plain', 'application/json']);
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, jsonParser(fastify));
}

/** @returns a parser that refuses __proto__ and constructor.prototype, and names what is wrong as a problem */
export function jsonParser(fastify: FastifyInstance) {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  return (
    request: FastifyRequest,
    body: string | Buffer,
    done: (error: Error | null, value?: unknown) => void,
  ): void => {
    if (body.length === 0) {
      done(new AppError(400, 'body_missing', 'The body is empty. Send a JSON object.'));
      return;
    }
    void parse(request, body as string, (error, value) => {
      if (!error) return done(null, value);
      done(
        new AppError(400, 'invalid_json', 'The body is not valid JSON, or holds a key such as __proto__.', {
          cause: error,
        }),
      );
    });
  };
}

/** A well-formed X-Request-Id is taken as it is, else one is made. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : formatUuid(uuidV7(Date.now()));
}

function longPath(url: string): string {
  for (const [prefix, target] of SHORT_PATHS) {
    if (url.startsWith(prefix) && (url.length === prefix.length || '/?'.includes(url[prefix.length]!))) {
      return target + url.slice(prefix.length);
    }
  }
  return url;
}
