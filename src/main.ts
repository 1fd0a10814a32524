import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiModule } from './api.module.js';
import { setUpApiDocs } from './api-docs/set-up.js';
import { mountLocalSignIn } from './auth/local-sign-in/mount.js';
import { prepareCollectHttp } from './collect/collect-cors.js';
import { PayloadPipe } from './common/payload.pipe.js';
import { ProblemFilter } from './common/problem.filter.js';
import { NestLogger } from './common/logger.js';
import { createAdapter, prepareHttp } from './http-server.js';
import { fail, onSignals, prepareProcess } from './process.js';

try {
  const parts = await prepareProcess('api');
  const { env, logger } = parts;
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(parts), createAdapter(env), {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger));
  app.useGlobalPipes(new PayloadPipe());
  await prepareHttp(app, logger);
  await prepareCollectHttp(app);
  mountLocalSignIn(app, env);
  await setUpApiDocs(app, env);
  onSignals(parts, app);
  await app.listen(env.port, env.host);
  logger.info({ notice: true }, `ready ${env.publicUrl}`);
} catch (error) {
  fail(error);
}
