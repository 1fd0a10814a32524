import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { limitAnonymous } from './anonymous-limit.js';
import { ApiModule } from './api.module.js';
import { setUpApiDocs } from './api-docs/set-up.js';
import { formatOf } from './collect/ingest-format.js';
import { setUpDashboard } from './dashboard/set-up.js';
import { mountLocalSignIn } from './auth/local-sign-in/mount.js';
import { SignedInBodies } from './access/signed-in-bodies.js';
import { type BodyParser, bodyParser } from './bodies/body-reader.js';
import { UnknownSenders } from './bodies/unknown-senders.js';
import { CollectBodies } from './collect/collect-bodies.js';
import { prepareCollectHttp } from './collect/collect-cors.js';
import { IngestMetrics } from './collect/ingest-metrics.js';
import type { AppError } from './common/app-error.js';
import { PayloadPipe } from './common/payload.pipe.js';
import { ProblemFilter } from './common/problem.filter.js';
import { setUpVisitorAddress } from './common/visitor-address.js';
import { NestLogger } from './common/logger.js';
import { HeldAnswers } from './held-answers.js';
import { paceRefusals } from './refusal-pace.js';
import { beginTurn, RequestTurns } from './request-turns.js';
import { watchUntrustedProxies } from './metrics/untrusted-proxy.js';
import { createAdapter, type HttpSettings, listen, prepareHttp } from './http-server.js';
import { warnOfListedHost } from './tracker/listed-host.js';
import { fail, onSignals, prepareProcess } from './process.js';
import { UnsentAnswers } from './questions/unsent-answers.js';
import { securityHeaders } from './security-headers.js';

try {
  const parts = await prepareProcess('api');
  const { env, logger } = parts;
  const http: HttpSettings = { secure: await securityHeaders(), servesPages: true };
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(parts), createAdapter(env, http), {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  const ingestMetrics = app.get(IngestMetrics, { strict: false });
  const countRejected = (request: FastifyRequest, reason: string) => {
    if (formatOf(request)) ingestMetrics.refused(request, reason);
  };
  app.useGlobalPipes(new PayloadPipe());
  setUpVisitorAddress(app, env);
  const [held, turns] = [new HeldAnswers(), new RequestTurns()];
  const limit = limitAnonymous(app, env, http.secure, (request) => countRejected(request, 'rate_limited'), {
    held,
    turns,
  });
  http.refuses = limit.refuses;
  const onProblem = (request: FastifyRequest, error: AppError) => {
    limit.note(request, error);
    pace.note(request, error);
    countRejected(request, error.code);
  };
  app.useGlobalFilters(new ProblemFilter(logger, http.servesPages, onProblem));
  await prepareHttp(app, logger, http);
  app.get(UnsentAnswers, { strict: false }).watch(app.getHttpAdapter().getInstance() as unknown as FastifyInstance);
  watchUntrustedProxies(app, env, logger);
  prepareCollectHttp(app, prepareBodies(app));
  takeTurns(app, turns);
  const pace = paceRefusals(app, held);
  mountLocalSignIn(app, env);
  await setUpApiDocs(app, env);
  await setUpDashboard(app, env);
  onSignals(parts, app);
  await listen(app, parts, env.port, 'PORT');
  warnOfListedHost(env, logger);
  logger.info({ notice: true }, `ready ${env.publicUrl}`);
} catch (error) {
  fail(error);
}

/** Lets accounts take turns at having their events taken. */
function takeTurns(app: NestFastifyApplication, turns: RequestTurns): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('preValidation', (request, reply, done) => {
    const account = request.bodySender?.ownerId;
    if (account === undefined || !formatOf(request)) return done();
    try {
      turns.take(account, (end) => beginTurn(request, reply.raw, end, done));
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addHook('onSend', (request, _reply, payload, done) => {
    request.endTurn?.();
    done(null, payload);
  });
}

/** Has JSON bodies read by the rules of their route. */
function prepareBodies(app: NestFastifyApplication): BodyParser {
  const [ofCollect, ofOthers] = [app.get(CollectBodies, { strict: false }), app.get(SignedInBodies, { strict: false })];
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const rulesOf = (request: FastifyRequest) => (formatOf(request) ? ofCollect : ofOthers);
  const parse = bodyParser(fastify, rulesOf, app.get(UnknownSenders, { strict: false }));
  fastify.addContentTypeParser('application/json', parse);
  return parse;
}
