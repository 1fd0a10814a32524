import { type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { KeyGuard } from '../access/key.guard.js';
import { parsedBody, timeKeyCheck } from './ingest-format.js';

/** The key guard of routes that take events: its time belongs to the step `key`. */
@Injectable()
export class IngestKeyGuard extends KeyGuard {
  override canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // Here, so that the time that the format takes counts for the step `parse` alone.
    parsedBody(request);
    return timeKeyCheck(request, () => super.canActivate(context));
  }
}
