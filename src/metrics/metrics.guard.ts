import { timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../common/app-error.js';
import { isForwarded, isLocalRequest } from '../common/forwarded.js';
import { Env } from '../config/env.js';

/**
 * METRICS_TOKEN as bearer; outside production, where it is unset, also whoever sits at the machine itself. Unset never
 * matches an empty bearer.
 */
@Injectable()
export class MetricsGuard implements CanActivate {
  constructor(private readonly env: Env) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { metricsToken, production } = this.env;
    const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
    if (metricsToken && bearer && sameText(bearer, metricsToken)) return true;
    if (!metricsToken && !production && isLocalRequest(request) && !isForwarded(request)) return true;
    throw new AppError(401, 'metrics_token_needed', 'Send METRICS_TOKEN as Authorization: Bearer.', {
      headers: { 'www-authenticate': 'Bearer' },
    });
  }
}

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
