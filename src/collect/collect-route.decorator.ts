import { applyDecorators, type Type, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiSecurity } from '@nestjs/swagger';
import { KeyDemanded } from '../access/key.guard.js';
import { parsedBody, type IngestFormat } from './ingest-format.js';
import { IngestKeyGuard } from './ingest-key.guard.js';
import type { IngestEvents } from './parse.pipe.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/** A method of a controller that takes a request's events and answers as their format does. */
type CollectMethod<Answer extends object> = TypedPropertyDescriptor<(events: IngestEvents) => Promise<Answer>>;

/**
 * A route that takes events: a key with `write`, in a header or in the body, within the limits of events and bytes.
 * @param format how its clients post and are answered @param body describes the body in the OpenAPI document
 */
export function CollectRoute<Answer extends object>(
  format: IngestFormat<Answer>,
  body: Type,
): (controller: object, name: string, method: CollectMethod<Answer>) => void {
  return applyDecorators(
    RouteConfig({ ingestFormat: format }),
    KeyDemanded({ scope: 'write', inBody: { field: format.keyFields[0], key: (request) => parsedBody(request).key } }),
    UseGuards(IngestKeyGuard, RateLimitGuard),
    ApiSecurity('analyticsToken'),
    ApiBody({ type: body }),
  );
}
