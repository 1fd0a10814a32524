import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Env } from '../../config/env.js';
import type { LocalProvider } from './local-provider.js';
import { LOCAL_PROVIDER, LOCAL_SIGN_IN_PATH } from './local-provider-urls.js';
import { assertLocalRequest } from './local-sign-in.guard.js';

/**
 * Hands what is under /local-sign-in to the stand-in, before Fastify would read the body; its page alone is ours. Nothing
 * is there while local sign-in is off.
 */
export function mountLocalSignIn(app: NestFastifyApplication, env: Env): void {
  if (!env.localSignIn) return;
  const provider = app.get<LocalProvider>(LOCAL_PROVIDER);
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRequest', async (request, reply) => {
    const path = request.raw.url?.slice(LOCAL_SIGN_IN_PATH.length) ?? '';
    if (!request.raw.url?.startsWith(`${LOCAL_SIGN_IN_PATH}/`) || path.startsWith('/interaction/')) return;
    assertLocalRequest(request);
    reply.hijack();
    // What Fastify would have sent with its own answer: the security headers and the request id.
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    provider.handle(request.raw, reply.raw, path);
  });
}
