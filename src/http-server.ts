import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { constants } from 'node:zlib';
import { AppError } from './common/app-error.js';
import type { Logger } from './common/logger.js';
import { pathAliases } from './common/path-aliases.js';
import { answerBytes } from './common/answer-bytes.js';
import { sendProblem, toAppError, toProblem } from './common/problem.filter.js';
import { isStaticRoute } from './common/static-text.js';
import { trustedProxies } from './common/trusted-proxies.js';
import { limitBodyPieces, PIECE_MIN_BYTES, PIECES_FREE, TINY_PIECES } from './body-pieces.js';
import { ConfigError } from './config/config-error.js';
import type { Env } from './config/env.js';
import { connectionLimits, limitConnections } from './connection-limits.js';
import { BODY_MAX_BYTES } from './events/limits.js';
import { formatUuid, uuidV7 } from './events/event-id.js';
import { RequestLog } from './request-log.js';
import { limitPipelining } from './pipelining.js';
import type { ProcessParts } from './process-parts.js';
import { PERMISSIONS_POLICY, type SecurityHeaders } from './security-headers.js';
import { closeStalledAnswers } from './stalled-answers.js';

/** Milliseconds within which headers, and the whole request, must have arrived: slow senders do not hold a place. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How often Node looks for those who are late. */
const LATE_CHECK_EVERY_MS = 2000;
/** The rest of a body that is too large is thrown away up to this length, so that its sender reads the answer. */
const DRAINED_MAX_BYTES = 16 * 1024 * 1024;

/** Answers between these are compressed, in bytes: a small one gains nothing, a large one holds a core for too long. */
const COMPRESSED_MIN_BYTES = 4096;
const COMPRESSED_MAX_BYTES = 1024 * 1024;
/** Twice as fast as 4, for a few percent more bytes. */
const BROTLI_QUALITY = 1;

/** What of its HTTP a process decides itself. */
export interface HttpSettings {
  /** Sent with every answer. */
  secure: SecurityHeaders;
  /** Whether people open it in a browser, as they do the API process: see {@link sendProblem}. */
  servesPages: boolean;
  /** Asked before a request is refused whose path cannot be decoded; true where it was answered. No hook sees such a request. */
  refuses?: (request: FastifyRequest, reply: FastifyReply) => boolean;
}

/** Makes the HTTP server of a process, with the limits that hold for every request. */
export function createAdapter(env: Env, settings: HttpSettings): FastifyAdapter {
  const route = pathAliases(env);
  return new FastifyAdapter({
    bodyLimit: BODY_MAX_BYTES,
    trustProxy: trustedProxies(env),
    rewriteUrl: (request: IncomingMessage) => withoutSlash(route(request.url ?? '/')),
    genReqId: requestId,
    requestIdHeader: false,
    // What arrives on a connection that is still open while stopping is answered like everything before it: Fastify's own
    // refusal is no problem+json, says no Retry-After, and no web page of another origin could read it.
    return503OnClosing: false,
    frameworkErrors: ((error: Error, request: FastifyRequest, reply: FastifyReply) =>
      answerFrameworkError(error, request, reply, settings)) as never,
    clientErrorHandler: answerClientError,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 65_000,
    routerOptions: { maxParamLength: 512 },
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: LATE_CHECK_EVERY_MS },
  });
}

/** What Fastify itself finds wrong before any route is asked, such as a path that cannot be decoded. */
function answerFrameworkError(
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
  { secure, servesPages, refuses }: HttpSettings,
): void {
  if (refuses?.(request, reply)) return;
  // No hook sees it, so the headers are set here.
  void reply.headers(secure).header('x-request-id', request.id);
  sendProblem(toAppError(error), request, reply, servesPages);
}

const CLIENT_ERRORS: Record<string, [status: number, code: string, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'The request line and headers are larger than 16 KiB.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'The request did not arrive in time. Send it again.'],
  [TINY_PIECES]: [
    400,
    'body_in_tiny_pieces',
    `The body arrives in more than ${PIECES_FREE} pieces of less than ${PIECE_MIN_BYTES} bytes on average. Send it in larger chunks.`,
  ],
};

/** What is found wrong while a request is still being read, by Node or by {@link limitBodyPieces}. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, code, detail] = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'bad_request', 'This is no HTTP request.'];
  const body = JSON.stringify(toProblem(new AppError(status, code, detail), formatUuid(uuidV7(Date.now()))));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `permissions-policy: ${PERMISSIONS_POLICY}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const NO_ADDRESS_OF_OURS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

/**
 * Listens on HOST, and takes no more connections, and requests at a time of each, than the limits allow.
 * @param variable the one that the port comes from
 * @throws ConfigError naming the variable when that cannot be
 */
export async function listen(
  app: NestFastifyApplication,
  { env, logger }: Pick<ProcessParts, 'env' | 'logger'>,
  port: number,
  variable: 'PORT' | 'WORKER_PORT',
): Promise<void> {
  const { host } = env;
  const server = app.getHttpServer() as Server;
  limitConnections(server, connectionLimits(env), logger);
  limitPipelining(server);
  limitBodyPieces(server);
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (NO_ADDRESS_OF_OURS.has(code)) {
      throw new ConfigError([
        `HOST names no address of this machine (${code}): set it to one that it has, to 127.0.0.1, or to 0.0.0.0 for all`,
      ]);
    }
    if (code === 'EADDRINUSE') throw new ConfigError([`${variable} is taken by another program: choose another port`]);
    if (code === 'EACCES') throw new ConfigError([`${variable} is not for this user to take: choose one from 1024 on`]);
    throw error;
  }
}

/** Headers, cookies, compressed answers, request ids and the request log: what every route shares. */
export async function prepareHttp(
  app: NestFastifyApplication,
  logger: Logger,
  { secure }: HttpSettings,
): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  // Hooks with a callback: a promise for each of them would be felt where events are posted.
  fastify.decorateRequest('answer', null as never);
  fastify.addHook('onRequest', (request, reply, done) => {
    request.answer = reply.raw;
    reply.headers(secure);
    reply.header('x-request-id', request.id);
    if (hostLines(request.raw) > 1)
      return done(new AppError(400, 'host_twice', 'Send one Host header (RFC 9112, 3.2).'));
    // Whose answer it is depends on who asks; a route whose answers may be kept says so itself. By the route that was found,
    // never by the URL: `/%61pi/…` finds the same.
    const route = request.routeOptions.url;
    if (route === undefined || route.startsWith('/api/')) reply.header('cache-control', 'no-store');
    done();
  });
  // Fastify would close the connection while a refused body is still being sent, and its sender would not read why.
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const drained = [413, 429].includes(reply.statusCode) ? DRAINED_MAX_BYTES : BODY_MAX_BYTES;
    if (reply.statusCode >= 400 && Number(request.headers['content-length']) <= drained)
      reply.removeHeader('connection');
    done(null, payload);
  });
  // Bodies are JSON: what reads them is set by prepareBodies().
  fastify.removeContentTypeParser(['text/plain', 'application/json']);
  await app.register(cookie as never);
  // Requests are inflated where bodies are read: only there it is known how much a sender may send.
  // Asked before the plugin asks: what is static was compressed once (scripts/compress-static.mjs, StaticText).
  fastify.addHook('onRoute', (route) => {
    if (isStaticRoute(route.url)) Object.assign(route, { compress: false });
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if ((answerBytes(payload) ?? 0) > COMPRESSED_MAX_BYTES) {
      // The plugin leaves alone what a client asks for with this header.
      request.headers['x-no-compression'] = 'true';
      if (!reply.hasHeader('vary')) reply.header('vary', 'accept-encoding');
    }
    done(null, payload);
  });
  await app.register(compress as never, {
    global: true,
    threshold: COMPRESSED_MIN_BYTES,
    globalDecompression: false,
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } },
  });
  closeStalledAnswers(fastify, logger);
  const log = new RequestLog(logger);
  fastify.addHook('onResponse', (request, reply, done) => {
    log.write(request, reply);
    done();
  });
}

/** Node keeps the first of several Host lines, a proxy in front may have gone by the last. */
function hostLines({ rawHeaders }: IncomingMessage): number {
  let lines = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') lines += 1;
  }
  return lines;
}

/** A well-formed X-Request-Id is taken as it is, else one is made. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : formatUuid(uuidV7(Date.now()));
}

/** `/api/apps/` is `/api/apps`. Not by Fastify's ignoreTrailingSlash: the API page has both spellings of its own path. */
function withoutSlash(url: string): string {
  if (!url.startsWith('/api/')) return url;
  const end = url.indexOf('?') < 0 ? url.length : url.indexOf('?');
  return url[end - 1] === '/' ? url.slice(0, end - 1) + url.slice(end) : url;
}
