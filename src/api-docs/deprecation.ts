import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';

/** The part of a schema or operation that says whether it is deprecated (src/common/deprecated.decorator.ts). */
interface Marked {
  $ref?: string;
  deprecated?: boolean;
  'x-deprecated-at'?: string;
}
interface MarkedSchema extends Marked {
  properties?: Record<string, MarkedSchema>;
  additionalProperties?: MarkedSchema | boolean;
  items?: MarkedSchema;
  allOf?: MarkedSchema[];
  oneOf?: MarkedSchema[];
  anyOf?: MarkedSchema[];
}
interface MarkedResponse {
  headers?: Record<string, unknown>;
  content?: Record<string, { schema?: MarkedSchema }>;
}

const METHODS = ['get', 'post', 'patch', 'put', 'delete'] as const;

/** Unix times in seconds, by route as Fastify names it: `GET /api/apps/:id`. */
export type DeprecatedRoutes = ReadonlyMap<string, number>;

/**
 * Finds the operations that are deprecated, or whose successful answers have a deprecated field, and describes the
 * `Deprecation` header in their answers.
 * @returns when the first of these was deprecated, by route
 */
export function describeDeprecations(document: OpenAPIObject): DeprecatedRoutes {
  const routes = new Map<string, number>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const successes = Object.entries(operation.responses ?? {})
        .filter(([status]) => Number(status) < 300)
        .map(([, response]) => response as MarkedResponse);
      const times = [...marks(operation as Marked), ...successes.flatMap((one) => answered(one, document))];
      if (times.length === 0) continue;
      const first = Math.min(...times);
      for (const response of successes) response.headers = { ...response.headers, Deprecation: header(first) };
      routes.set(`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`, first);
    }
  }
  return routes;
}

/** Sends the header with successful answers of these routes. An answer to HEAD has it as the one to GET has (RFC 9110). */
export function sendDeprecations(fastify: FastifyInstance, routes: DeprecatedRoutes): void {
  if (routes.size === 0) return;
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const time = reply.statusCode < 300 && routes.get(`${method} ${request.routeOptions.url}`);
    if (time) reply.header('deprecation', `@${time}`);
    done(null, payload);
  });
}

function answered(response: MarkedResponse, document: OpenAPIObject): number[] {
  const seen = new Set<string>();
  return Object.values(response.content ?? {}).flatMap(({ schema }) => inSchema(schema, document, seen));
}

/** @param seen names of the schemas that were looked at: they may contain themselves */
function inSchema(schema: MarkedSchema | undefined, document: OpenAPIObject, seen: Set<string>): number[] {
  if (!schema) return [];
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    if (seen.has(name)) return [];
    seen.add(name);
    return inSchema(document.components?.schemas?.[name] as MarkedSchema | undefined, document, seen);
  }
  const { properties = {}, additionalProperties, items, allOf = [], oneOf = [], anyOf = [] } = schema;
  const others = typeof additionalProperties === 'object' ? [additionalProperties] : [];
  const inner = [...Object.values(properties), ...others, ...(items ? [items] : []), ...allOf, ...oneOf, ...anyOf];
  return [...marks(schema), ...inner.flatMap((one) => inSchema(one, document, seen))];
}

/** @throws Error when a deprecated field or operation lacks its day, which the header states */
function marks({ deprecated, 'x-deprecated-at': day }: Marked): number[] {
  if (!deprecated) return [];
  const time = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(time))
    throw new Error('Mark deprecated fields with @Deprecated() and a day: the Deprecation header states it');
  return [time / 1000];
}

function header(time: number): object {
  return {
    description:
      'Since when this route, or a field of its answer, has been deprecated (RFC 9745: seconds since 1970). Deprecated fields are marked.',
    schema: { type: 'string', example: `@${time}` },
  };
}
