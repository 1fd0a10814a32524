import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Env } from '../config/env.js';

/** The pages of the dashboard, which its own script tells apart (web/src/app.tsx). */
const DASHBOARD_PATHS = ['/', '/event', '/users', '/live', '/keys', '/ingest', '/settings', '/start'] as const;

/** The mark, where browsers look for it. The .ico holds the .svg as pictures of 16, 32 and 48 pixels. */
const ICONS = [
  ['favicon.svg', 'image/svg+xml'],
  ['favicon.ico', 'image/x-icon'],
] as const;
const ICON_MAX_AGE_S = 86_400;

/** What web/index.html holds for the address of the browser script, until the server writes the real one. */
const SCRIPT_ADDRESS = '<meta name="tallystone-script" content="/t.js" />';

/** Serves the dashboard, built from web/ into dist/web, and the icon of every page. */
export async function setUpDashboard(app: NestFastifyApplication, { trackerName }: Env): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const folder = join(import.meta.dirname, '..', '..', 'web');
  const html = readFileSync(join(folder, 'index.html'), 'utf8').replace(
    SCRIPT_ADDRESS,
    SCRIPT_ADDRESS.replace('/t.js', `/${trackerName}`),
  );
  for (const path of DASHBOARD_PATHS) {
    fastify.get(path, (_request, reply) =>
      reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(html),
    );
    if (path === '/') continue;
    fastify.get(`${path}/`, ({ url }, reply) => reply.redirect(path + url.slice(path.length + 1), 308));
  }
  for (const [name, type] of ICONS) {
    const icon = readFileSync(join(import.meta.dirname, name));
    fastify.get(`/${name}`, (_request, reply) =>
      reply.type(type).header('cache-control', `public, max-age=${ICON_MAX_AGE_S}`).send(icon),
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
