import 'reflect-metadata';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestLogger } from './common/logger.js';
import { ProblemFilter } from './common/problem.filter.js';
import { createAdapter, listen, prepareHttp } from './http-server.js';
import { fail, onSignals, prepareProcess } from './process.js';
import { securityHeaders } from './security-headers.js';
import { WorkerModule } from './worker.module.js';

try {
  const parts = await prepareProcess('worker');
  const { env, logger } = parts;
  const http = { secure: await securityHeaders(), servesPages: false };
  const app = await NestFactory.create<NestFastifyApplication>(WorkerModule.with(parts), createAdapter(env, http), {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger, http.servesPages));
  await prepareHttp(app, logger, http);
  onSignals(parts, app);
  await listen(app, parts, env.workerPort, 'WORKER_PORT');
  const { port } = app.getHttpServer().address() as AddressInfo;
  tellPort(env.dataDir, port);
  logger.info({ port }, 'worker ready');
} catch (error) {
  fail(error);
}

/** For scripts and probes: where this worker's /health, /ready and /metrics are. */
function tellPort(dataDir: string, port: number): void {
  const file = join(dataDir, 'run', `worker-${process.pid}.port`);
  mkdirSync(join(dataDir, 'run'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${port}\n`);
  process.on('exit', () => rmSync(file, { force: true }));
}
