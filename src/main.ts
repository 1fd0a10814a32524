import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiModule } from './api.module.js';
import { setUpApiDocs } from './api-docs/set-up.js';
import { setUpDashboard } from './dashboard/set-up.js';
import { mountLocalSignIn } from './auth/local-sign-in/mount.js';
import { isCollectRoute, prepareCollectHttp } from './collect/collect-cors.js';
import { PayloadPipe } from './common/payload.pipe.js';
import { ProblemFilter } from './common/problem.filter.js';
import { NestLogger } from './common/logger.js';
import { Metrics } from './metrics/metrics.service.js';
import { watchUntrustedProxies } from './metrics/untrusted-proxy.js';
import { createAdapter, jsonParser, listen, prepareHttp } from './http-server.js';
import { fail, onSignals, prepareProcess } from './process.js';

try {
  const parts = await prepareProcess('api');
  const { env, logger } = parts;
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(parts), createAdapter(env), {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  const metrics = app.get(Metrics, { strict: false });
  const onProblem = (request: FastifyRequest, code: string) => {
    if (isCollectRoute(request.routeOptions.url)) metrics.rejected.inc({ reason: code });
  };
  app.useGlobalFilters(new ProblemFilter(logger, onProblem));
  app.useGlobalPipes(new PayloadPipe());
  await prepareHttp(app, logger);
  watchUntrustedProxies(app, env, logger);
  prepareCollectHttp(app, jsonParser(app.getHttpAdapter().getInstance() as unknown as FastifyInstance));
  mountLocalSignIn(app, env);
  await setUpApiDocs(app);
  await setUpDashboard(app);
  onSignals(parts, app);
  await listen(app, env, env.port, 'PORT');
  logger.info({ notice: true }, `ready ${env.publicUrl}`);
} catch (error) {
  fail(error);
}
