import type { FastifyReply, FastifyRequest } from 'fastify';
import { formatOf } from './collect/ingest-format.js';
import type { Caller } from './common/caller.js';
import { LineLimit } from './common/line-limit.js';
import type { Logger } from './common/logger.js';
import { formatUuid } from './events/event-id.js';

/** ms. A request that took longer says whose it was, also when it was answered well. */
const SLOW_MS = 1000;
/** Of each kind that an attacker can make as many of as they like. */
const LINES_A_SECOND = 20;

/** Also those that are answered 429, since there were too many. */
const TOKEN_CODES = new Set(['key_malformed', 'key_expired', 'key_revoked', 'wrong_token_kind', 'account_locked']);

/** Routes that probes and open pages ask every few seconds: a good answer is no news, nor is one to posted events. */
const PROBES = new Set(['/health', '/ready']);

/** What a line is called. Of those called `request`, good ones and failures of our own are not limited. */
type Kind = 'request' | 'slow request' | 'token refused' | 'request refused' | 'sign-in failed';

/**
 * One line for each request. Refused and slow ones name the key and the account, never the token, an e-mail or an address.
 * Refused tokens, failed sign-ins, requests of unknown senders that are over a limit, and slow requests are called so.
 * These, and other refusals, are limited to 20 lines a second each; what is left out is counted.
 */
export class RequestLog {
  private readonly limit: LineLimit;

  constructor(private readonly logger: Logger) {
    this.limit = new LineLimit(LINES_A_SECOND, (kind, leftOut) => {
      logger.warn({ leftOut }, `${kind}: more lines than ${LINES_A_SECOND} a second were left out`);
    });
  }

  write(request: FastifyRequest, reply: FastifyReply): void {
    const { statusCode: status, elapsedTime } = reply;
    const kind = kindOf(request, reply);
    const isRoutine = PROBES.has(request.routeOptions.url ?? '') || formatOf(request) !== undefined;
    const isUsual = status === 202 || (status === 200 && isRoutine);
    const level = status >= 500 ? 'warn' : isUsual && kind === 'request' ? 'debug' : 'info';
    if (!this.logger.isLevelEnabled(level)) return;
    const isRefusal = status >= 400 && status < 500;
    if ((kind !== 'request' || isRefusal) && !this.limit.allows(kind === 'request' ? 'refused request' : kind)) return;
    this.logger[level](
      {
        requestId: request.id,
        method: request.method,
        // The template, never the path: paths and queries may hold ids of persons.
        route: request.routeOptions.url ?? 'none',
        status,
        ms: Math.round(elapsedTime * 10) / 10,
        ...(status >= 400 || elapsedTime > SLOW_MS ? whose(request) : {}),
      },
      kind,
    );
  }
}

function kindOf(request: FastifyRequest, reply: FastifyReply): Kind {
  const { statusCode: status, elapsedTime } = reply;
  const isSignIn = /^\/(api\/auth\/google|local-sign-in)(\/|$)/.test(request.routeOptions.url ?? '');
  if (isSignIn && status >= 400) return 'sign-in failed';
  const code = request.refusal?.code ?? '';
  // Without a token nothing was refused but the request.
  if (TOKEN_CODES.has(code) || (status === 401 && code !== 'key_missing')) return 'token refused';
  if (status === 429 && !request.caller) return 'request refused';
  // An open stream lasts as long as somebody looks.
  const isStream = String(reply.getHeader('content-type')).startsWith('text/event-stream');
  return elapsedTime > SLOW_MS && !isStream ? 'slow request' : 'request';
}

/** The refusal's code, and whose key or session it was where that is known. */
function whose({ caller, refusal }: FastifyRequest): Record<string, string> {
  const { keyId, accountId } = { ...idsOf(caller), ...refusal?.about };
  return {
    ...(refusal ? { code: refusal.code } : {}),
    ...(keyId ? { keyId: formatUuid(keyId) } : {}),
    ...(accountId ? { accountId: formatUuid(accountId) } : {}),
  };
}

function idsOf(caller: Caller | undefined): { keyId?: string; accountId?: string } {
  if (!caller) return {};
  return caller.kind === 'key' ? { keyId: caller.keyId, accountId: caller.ownerId } : { accountId: caller.userId };
}
