import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AnonymousRequests, WINDOW_S } from './access/anonymous-requests.js';
import { OPEN_TO_ALL } from './collect/collect-cors.js';
import { formatOf } from './collect/ingest-format.js';
import { type AppError, ForbiddenError, RateLimitedError, UnauthorizedError } from './common/app-error.js';
import { toProblem } from './common/problem.filter.js';
import { trustedProxies } from './common/trusted-proxies.js';
import { visitorAddresses } from './common/visitor-address.js';
import { type Env, isLoopbackName } from './config/env.js';
import { siteName } from './registry/network.js';
import { beginTurn, type RequestTurns } from './request-turns.js';
import type { HeldAnswers } from './held-answers.js';
import type { SecurityHeaders } from './security-headers.js';

/** Balancers and monitors ask these; on the machine and in trusted networks nothing limits them. */
const PROBES = new Set(['/health', '/ready']);

/** What limits the requests of senders without a good credential. */
export interface AnonymousLimit {
  /** @returns whether the request was one too many: then it has been answered */
  readonly refuses: (request: FastifyRequest, reply: FastifyReply) => boolean;
  /** A request was refused with this error. */
  readonly note: (request: FastifyRequest, error: AppError) => void;
}

/**
 * Makes the limit, and asks it before any other hook. An answer is written here, since Nest's way of refusing takes several
 * times as long.
 * @param secure headers of every answer
 * @param onRefused hears of each request that is refused @param held sends the refusals later
 * @param turns in which requests without a credential begin, by network
 */
export function limitAnonymous(
  app: NestFastifyApplication,
  env: Env,
  secure: SecurityHeaders,
  onRefused: (request: FastifyRequest) => void,
  { held, turns }: { held: HeldAnswers; turns: RequestTurns },
): AnonymousLimit {
  const requests = app.get(AnonymousRequests, { strict: false });
  const [addressOf, trusts] = [visitorAddresses(env), trustedProxies(env)];
  const perSecond = requests.limit / WINDOW_S;
  const detail = `The limit is ${perSecond} requests a second for an address that shows no good API key or sign-in. Try again after Retry-After.`;
  const problem = toProblem(new RateLimitedError(detail, WINDOW_S), '');
  // The request id comes last, and is ASCII.
  const [bodyStart, bodyEnd] = [JSON.stringify(problem).slice(0, -2), '"}'];
  const ofOthers = {
    ...secure,
    'cache-control': 'no-store',
    'content-type': 'application/problem+json',
    'ratelimit-limit': String(requests.limit),
    'ratelimit-remaining': '0',
  };
  const ofCollect = { ...ofOthers, ...OPEN_TO_ALL };
  const isExempt = ({ routeOptions: { url = '' }, visitorAddress }: FastifyRequest): boolean =>
    PROBES.has(url) && (isLoopbackName(visitorAddress) || trusts(visitorAddress));

  const limit: AnonymousLimit = {
    refuses: (request, reply) => {
      // A path that cannot be decoded is refused before any hook.
      request.visitorAddress ||= addressOf(request);
      const isCollect = formatOf(request) !== undefined;
      if (isExempt(request)) return false;
      const waitS = requests.waitS(request, isCollect);
      if (waitS === 0) return false;
      request.refusal = { code: problem.code };
      onRefused(request);
      reply.hijack();
      const { id } = request;
      const head = {
        ...(isCollect ? ofCollect : ofOthers),
        'x-request-id': id,
        'retry-after': String(waitS),
        'ratelimit-reset': String(waitS),
        'content-length': String(Buffer.byteLength(bodyStart) + id.length + bodyEnd.length),
      };
      held.hold(reply.raw, () => reply.raw.writeHead(429, head).end(bodyStart + id + bodyEnd));
      return true;
    },
    note: (request, error) => {
      if (request.caller) return;
      requests.noteRefused(request, formatOf(request) !== undefined, isOfCredential(error));
    },
  };
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRequest', (request, reply, done) => {
    if (limit.refuses(request, reply)) return;
    if (isExempt(request) || requests.shows(request, formatOf(request) !== undefined)) return done();
    try {
      turns.take(siteName(request.visitorAddress), (end) => beginTurn(request, reply.raw, end, done));
    } catch (error) {
      // The hooks that set them come later.
      void reply.headers({ ...secure, ...(formatOf(request) ? OPEN_TO_ALL : {}), 'x-request-id': request.id });
      done(error as Error);
    }
  });
  return limit;
}

/** Too many refused keys are answered 429. */
function isOfCredential(error: AppError): boolean {
  return [error, error.cause].some((one) => one instanceof UnauthorizedError || one instanceof ForbiddenError);
}
