import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BATCH_MAX_EVENTS } from '../events/limits.js';
import { CollectLimits, type Load } from './collect-limits.js';

/** Different names in a body that cost nothing extra. */
const NAMES_FREE = 200;
/** What each further name counts for: JSON.parse takes as long for it as for some hundred bytes of the usual. */
const NAME_BYTES = 1024;

/** Lets a request through that is within the limits of its address, key and account. Comes after the key guard. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(private readonly limits: CollectLimits) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const { caller } = request;
    if (caller?.kind !== 'key') throw new Error('The rate limit needs the key guard before it');
    void reply.headers(await this.limits.take(caller, request.visitorAddress, loadOf(request)));
    return true;
  }
}

function loadOf({ body, bodySize }: FastifyRequest): Load {
  const { bytes, names } = bodySize ?? { bytes: 0, names: 0 };
  return { events: eventsIn(body), bytes: bytes + Math.max(0, names - NAMES_FREE) * NAME_BYTES };
}

function eventsIn(body: unknown): number {
  const events = (body as { events?: unknown } | null | undefined)?.events;
  return Array.isArray(events) ? Math.min(Math.max(events.length, 1), BATCH_MAX_EVENTS) : 1;
}
