import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { StaticText } from '../common/static-text.js';
import type { Env } from '../config/env.js';
import { describeDeprecations, sendDeprecations } from './deprecation.js';
import { createDocument } from './document.js';

/** What of swagger-ui-dist the page needs. */
const SWAGGER_FILES = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js']);

/**
 * Serves the OpenAPI document at /api-docs-json and Swagger UI at /api-docs, on a page of our own: the one that Nest makes
 * needs inline styles and scripts, which our CSP forbids. Answers that the document calls deprecated say so in a header.
 */
export async function setUpApiDocs(app: NestFastifyApplication, env: Env): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const described = createDocument(app, installedVersion(), env.publicUrl);
  sendDeprecations(fastify, describeDeprecations(described));
  const document = new StaticText(JSON.stringify(described));
  const folder = join(import.meta.dirname, 'page');
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  // Copied there and compressed by scripts/compress-static.mjs.
  const swagger = join(import.meta.dirname, '..', '..', 'swagger-ui');

  fastify.get('/api-docs-json', (request, reply) => document.send(request, reply, 'application/json; charset=utf-8'));
  for (const path of ['/api-docs', '/api-docs/']) {
    fastify.get(path, (_request, reply) =>
      reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(html),
    );
  }
  await app.register(fastifyStatic as never, {
    root: swagger,
    prefix: '/api-docs/swagger-ui/',
    allowedPath: (path: string) => SWAGGER_FILES.has(path),
    maxAge: '1d',
    preCompressed: true,
  });
  await app.register(fastifyStatic as never, {
    root: folder,
    prefix: '/api-docs/page/',
    decorateReply: false,
    cacheControl: false,
  });
}

/** The release that runs, as package.json states it: the only file that does. */
function installedVersion(): string {
  const file = join(import.meta.dirname, '..', '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
