import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CollectLimits, loadOf } from './collect-limits.js';
import { ingestNotes, parsedBody, statedFormat } from './ingest-format.js';
import { IngestMetrics } from './ingest-metrics.js';

/**
 * Lets a request through that is within the limits of its address, key and account. Comes after the key guard, and
 * ends the step `key`.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(
    private readonly limits: CollectLimits,
    private readonly metrics: IngestMetrics,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const { caller } = request;
    if (caller?.kind !== 'key') throw new Error('The rate limit needs the key guard before it');
    const events = Math.min(Math.max(parsedBody(request).events.length, 1), statedFormat(request).maxEvents);
    const load = loadOf(events, request.bodySize);
    const began = performance.now();
    void reply.headers(await this.limits.take(caller, request.visitorAddress, load));
    this.metrics.took('key', ingestNotes(request).keyMs + performance.now() - began);
    return true;
  }
}
