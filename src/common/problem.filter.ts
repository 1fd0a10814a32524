import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AboutWhom, AppError, type FieldError, UnauthorizedError } from './app-error.js';
import { isBusy, isConnectionLost, isQueueFull, isTooLong } from './busy-error.js';
import type { Logger } from './logger.js';
import { problemPage } from './problem-page.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Why the request was refused, for the log; the problem filter alone writes it. */
    refusal?: { code: string; about?: AboutWhom };
  }
}

/** RFC 9457, with a stable code, the request id and, for a bad payload, every wrong field. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  requestId: string;
  errors?: FieldError[];
  /** RFC 3339; only where an event's time was refused. */
  serverTime?: string;
}

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Temporarily unavailable',
};

/** By which Node and mysql2 say that a service is away. */
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'POOL_CLOSED',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
]);

/** The one place where errors become HTTP. No stack, SQL or version leaves. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  /**
   * @param servesPages see {@link sendProblem}
   * @param onProblem hears of every refused request, with its error
   */
  constructor(
    private readonly logger: Logger,
    private readonly servesPages: boolean,
    private readonly onProblem?: (request: FastifyRequest, error: AppError) => void,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const known = toAppError(error);
    // A refused token may be answered 429: the log tells what was wrong with it.
    const { code, about } = known.cause instanceof UnauthorizedError ? known.cause : known;
    request.refusal = { code, about };
    this.onProblem?.(request, known);
    if (known.status >= 500) {
      const level = known.status === 503 ? 'warn' : 'error';
      this.logger[level]({ err: known.cause ?? error, requestId: request.id, code: known.code }, known.detail);
    }
    if (reply.sent || reply.raw.headersSent) return;
    sendProblem(known, request, reply, this.servesPages);
  }
}

/**
 * Answers with an error: as problem+json, or as a page where a person meets it in a browser. No cache keeps it.
 * @param servesPages false for a process that has no pages, and so no style for them
 */
export function sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply, servesPages: boolean): void {
  const problem = toProblem(error, request.id);
  const isBadPath = (error.cause as { code?: string } | undefined)?.code === 'FST_ERR_BAD_URL';
  const found = servesPages ? problemPage(problem, request, isBadPath) : undefined;
  void reply
    .code(found?.status ?? problem.status)
    .headers(error.headers ?? {})
    .header('cache-control', 'no-store')
    .type(found ? 'text/html; charset=utf-8' : 'application/problem+json')
    // As bytes: Fastify would otherwise run the text through the route's serialiser.
    .send(Buffer.from(found?.html ?? JSON.stringify(problem)));
}

export function toProblem(error: AppError, requestId: string): Problem {
  return {
    type: `urn:tallystone:problem:${error.code}`,
    title: TITLES[error.status] ?? 'Error',
    status: error.status,
    code: error.code,
    detail: error.detail,
    requestId,
    ...(error.errors ? { errors: error.errors } : {}),
    ...(error.serverTime ? { serverTime: error.serverTime } : {}),
  };
}

/** Every thrown thing as an AppError; what nobody foresaw is a 500 that says nothing of its inside. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HttpException) return fromNest(error);
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (statusCode && statusCode >= 400 && statusCode < 500) {
    return new AppError(statusCode, 'bad_request', String(message ?? 'The request does not fit.'), { cause: error });
  }
  if ((code && AWAY_CODES.has(code)) || isConnectionLost(error)) {
    return new AppError(503, 'service_unavailable', 'A service that this answer needs is away. Try again.', {
      headers: { 'retry-after': '5' },
      cause: error,
    });
  }
  if (isQueueFull(error)) {
    return new AppError(503, 'database_busy', 'Too many requests wait for the database just now. Try again.', {
      headers: { 'retry-after': '2' },
      cause: error,
    });
  }
  if (isTooLong(error)) {
    const detail = 'The database took too long to answer. Ask for a shorter range, or for one app.';
    return new AppError(503, 'question_too_long', detail, { headers: { 'retry-after': '30' }, cause: error });
  }
  if (isBusy(error)) {
    return new AppError(503, 'service_busy', 'Something else is at the same data just now. Try again.', {
      headers: { 'retry-after': '2' },
      cause: error,
    });
  }
  return new AppError(500, 'internal_error', 'Something went wrong here. The request id finds it in the log.', {
    cause: error,
  });
}

function fromNest(error: HttpException): AppError {
  const status = error.getStatus();
  const codes: Record<number, [string, string]> = {
    404: ['not_found', 'There is nothing at this address. /api-docs lists what there is.'],
    405: ['method_not_allowed', 'This address does not take that method.'],
    413: ['body_too_large', 'The body is larger than 1 MiB.'],
    415: ['unsupported_media_type', 'Send the body as application/json.'],
  };
  const [code, detail] = codes[status] ?? [status === 400 ? 'bad_request' : `http_${status}`, error.message];
  return new AppError(status, code, detail, { cause: error });
}
