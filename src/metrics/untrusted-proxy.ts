import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Env } from '../config/env.js';
import type { Logger } from '../common/logger.js';
import { isForwarded } from '../common/forwarded.js';
import { trustedProxies } from '../common/trusted-proxies.js';
import { Metrics } from './metrics.service.js';

/**
 * A forwarded header from a peer outside TRUSTED_PROXIES is ignored; this counts such requests and says it once, since
 * behind a proxy that is not named all visitors share the proxy's address.
 */
export function watchUntrustedProxies(app: NestFastifyApplication, env: Env, logger: Logger): void {
  const trusts = trustedProxies(env);
  const metrics = app.get(Metrics, { strict: false });
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  let warned = false;
  fastify.addHook('onRequest', (request, _reply, done) => {
    done();
    // Whatever of it the peer may say: address, host or scheme.
    if (!isForwarded(request) || trusts(request.raw.socket.remoteAddress)) return;
    metrics.untrustedForwarded.inc();
    if (warned) return;
    warned = true;
    logger.warn(
      { notice: true },
      'A forwarded header came from a peer that is not in TRUSTED_PROXIES and was ignored: name your proxy there, or visitors are told apart by its address',
    );
  });
}
