import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KeyAuthenticator } from './access/key-authenticator.js';
import { SessionCheck } from './access/session-check.js';
import { CollectLimits, REFUSED_EVENTS } from './collect/collect-limits.js';
import { OPEN_TO_ALL } from './collect/collect-cors.js';
import { formatOf } from './collect/ingest-format.js';
import type { AppError } from './common/app-error.js';
import type { KeyCaller } from './common/caller.js';
import { headerToken } from './common/presented-token.js';
import { WindowCounts } from './common/window-counts.js';
import type { HeldAnswers } from './held-answers.js';
import { networkName } from './registry/network.js';

/** Refusals of a sender that are answered at once, a second. */
export const AT_ONCE_A_SECOND = 100;
const SECOND_MS = 1000;

/** Hears of refused requests. */
export interface RefusalPace {
  note: (request: FastifyRequest, error: AppError) => void;
}

/**
 * Slows down whoever is refused again and again. Beyond {@link AT_ONCE_A_SECOND}, refusals of an account, or of an address
 * without a good credential, are held. A refused collect request with a good key also counts against the limits of events, and
 * once these are used up the next one is refused before anything else is looked at.
 */
export function paceRefusals(app: NestFastifyApplication, held: HeldAnswers): RefusalPace {
  const [keys, sessions] = [app.get(KeyAuthenticator, { strict: false }), app.get(SessionCheck, { strict: false })];
  const limits = app.get(CollectLimits, { strict: false });
  const refusals = new WindowCounts(SECOND_MS);
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;

  const keyOf = (request: FastifyRequest): KeyCaller | undefined => {
    if (request.caller?.kind === 'key') return request.caller;
    const token = headerToken(request)?.token;
    return token === undefined ? undefined : keys.callerOf(token, request);
  };
  const senderOf = (request: FastifyRequest): string => {
    const { caller, bodySender, visitorAddress } = request;
    if (caller?.kind === 'user') return caller.userId;
    const account = bodySender?.ownerId ?? keyOf(request)?.ownerId;
    if (account !== undefined) return account;
    const token = headerToken(request)?.token;
    const person = token === undefined ? undefined : sessions.accountOf(token);
    return person ?? networkName(visitorAddress);
  };

  fastify.addHook('onRequest', (request, reply, done) => {
    if (!limits.refusesSome || request.method !== 'POST' || !formatOf(request)) return done();
    const key = keyOf(request);
    try {
      if (key) limits.assertMaySend(key, request.visitorAddress);
      done();
    } catch (error) {
      // The hook of the route, which sets them, comes later.
      reply.headers(OPEN_TO_ALL);
      done(error as Error);
    }
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode < 400 || refusals.add(senderOf(request)) <= AT_ONCE_A_SECOND) return done(null, payload);
    held.hold(reply.raw, () => done(null, payload));
  });
  return {
    note: (request, { status }) => {
      const isOwnFault = status >= 400 && status < 500 && status !== 429;
      if (!isOwnFault || request.method !== 'POST' || request.bodyCharged || !formatOf(request)) return;
      const key = keyOf(request);
      if (key) limits.noteFailed(key, request.visitorAddress, { events: REFUSED_EVENTS, bytes: 0 });
    },
  };
}
