import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BATCH_MAX_EVENTS } from '../events/limits.js';
import { CollectLimits, loadOf } from './collect-limits.js';

/** Lets a request through that is within the limits of its address, key and account. Comes after the key guard. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(private readonly limits: CollectLimits) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const { caller } = request;
    if (caller?.kind !== 'key') throw new Error('The rate limit needs the key guard before it');
    void reply.headers(
      await this.limits.take(caller, request.visitorAddress, loadOf(eventsIn(request.body), request.bodySize)),
    );
    return true;
  }
}

function eventsIn(body: unknown): number {
  const events = (body as { events?: unknown } | null | undefined)?.events;
  return Array.isArray(events) ? Math.min(Math.max(events.length, 1), BATCH_MAX_EVENTS) : 1;
}
