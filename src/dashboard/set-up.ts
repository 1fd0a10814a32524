import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

/** The pages of the dashboard, which its own script tells apart (web/src/app.tsx). */
const DASHBOARD_PATHS = ['/', '/event', '/users', '/live', '/keys', '/ingest', '/settings', '/start'] as const;

/** Serves the dashboard, built from web/ into dist/web. */
export async function setUpDashboard(app: NestFastifyApplication): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const folder = join(import.meta.dirname, '..', '..', 'web');
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  for (const path of DASHBOARD_PATHS) {
    fastify.get(path, (_request, reply) =>
      reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(html),
    );
  }
  await app.register(fastifyStatic as never, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    preCompressed: true,
    // Their names hold a hash of what is in them.
    immutable: true,
    maxAge: '365d',
  });
}
