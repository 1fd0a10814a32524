import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];

const METHODS = ['get', 'post', 'patch', 'put', 'delete'] as const;

const DESCRIPTION = `Event analytics on MySQL and Redis. An event that was answered **202** is counted exactly once.

**Two tokens.** People sign in with Google and use the *user token* (cookie or \`Authorization: Bearer\`). Programs use the
*analytics token*, an API key (\`x-api-key\`, \`Authorization: Bearer\`, or \`apiKey\` in the body of collect).

**Sending again.** A 503, a timeout or a broken connection means *unknown*: send the event again with the same \`eventId\` and
\`timestamp\` (or with an \`eventId\` that is a UUIDv7 and no \`timestamp\`). It is answered with the same \`id\` and counted once.

**Visitors.** An event without \`userId\` and \`anonymousId\` gets a cookieless id that lasts for the day in the
app's time zone: such a visitor counts once a day.

**Errors** are \`application/problem+json\` (RFC 9457) with a stable \`code\`; a wrong payload names every bad field in \`errors\`.
Field names are also taken in snake_case.`;

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
  properties: {
    type: { type: 'string', example: 'urn:tallystone:problem:invalid_input' },
    title: { type: 'string', example: 'Bad request' },
    status: { type: 'integer', example: 400 },
    code: { type: 'string', description: 'Stable; made for programs.', example: 'invalid_input' },
    detail: { type: 'string', description: 'What happened, and what to do next.', example: 'event: must be a string' },
    requestId: { type: 'string', example: '0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60' },
    errors: {
      type: 'array',
      description: 'Every wrong field.',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string', example: 'event' }, message: { type: 'string' } },
      },
    },
    serverTime: {
      type: 'string',
      format: 'date-time',
      description: 'The time of the server, where it refuses the time of an event: your clock may be wrong.',
    },
  },
} as const;

/** What each error of the contract says of itself, and one of its codes. */
const ERRORS = {
  400: { code: 'invalid_input', title: 'Bad request', says: 'The payload is wrong; every bad field is named.' },
  401: {
    code: 'key_missing',
    title: 'Not authenticated',
    says: 'key_missing, key_malformed, key_expired, key_revoked, wrong_token_kind or account_locked.',
  },
  403: {
    code: 'scope_missing',
    title: 'Not allowed',
    says:
      'The token is good, but not for this: scope_missing, origin_not_allowed, session_cookie_required, ' +
      'recent_sign_in_required or not_operator.',
  },
  404: { code: 'not_found', title: 'Not found', says: 'There is nothing of yours with this id.' },
  409: {
    code: 'key_over',
    title: 'Conflict',
    says:
      'key_over, key_can_read or key_secret_gone: make a new key. too_many_apps, too_many_keys or too_many_revoked_keys: there are as ' +
      'many as there may be; the detail says how to make room. ' +
      'own_account: operators cannot lock themselves out.',
  },
  413: { code: 'body_too_large', title: 'Too large', says: 'The body is larger than 1 MiB (inflated).' },
  429: {
    code: 'rate_limited',
    title: 'Too many requests',
    says:
      'Over the limit of the key, the account or the address (rate_limited), or too much of the account is under way ' +
      '(too_many_questions, too_many_streams). Retry-After says when to come back.',
  },
  503: {
    code: 'service_unavailable',
    title: 'Temporarily unavailable',
    says: 'Not possible just now, and nothing was half-taken. Send it again after Retry-After.',
  },
} as const;

/** The OpenAPI document, made from controllers and DTOs; the errors, which every route shares, are added here. */
export function createDocument(app: NestFastifyApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Tallystone')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of a signed-in person' },
      'userToken',
    )
    .addApiKey({ type: 'apiKey', in: 'header', name: 'x-api-key', description: 'An API key' }, 'analyticsToken')
    .addTag('Sign-in', 'People')
    .addTag('Apps', 'Web sites and mobile apps to count')
    .addTag('API keys', 'For programs')
    .addTag('Collect', 'Post events')
    .addTag('Analytics', 'Read numbers')
    .addTag('Dead letters', 'What was accepted and could not be stored')
    .addTag('Privacy', 'Export and erase a person')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, Problem: PROBLEM as never };
  for (const schema of Object.values(document.components.schemas)) nameNull(schema as NullableSchema);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      addErrors(method, path, operation);
      // One handler at two addresses: Nest numbers the operations.
      operation.operationId = operation.operationId?.replace(/\[(\d+)\]$/, (_all, n: string) => (n === '0' ? '' : n));
    }
  }
  return document;
}

interface NullableSchema {
  nullable?: boolean;
  enum?: unknown[];
  properties?: Record<string, NullableSchema>;
}

/** In OpenAPI 3.0 null must stand in the enum as well: `nullable` alone lets no validator take it. */
function nameNull(schema: NullableSchema): void {
  if (schema.nullable && schema.enum && !schema.enum.includes(null)) schema.enum.push(null);
  for (const property of Object.values(schema.properties ?? {})) nameNull(property);
}

function addErrors(method: string, path: string, operation: Operation): void {
  const takesInput = Boolean(operation.requestBody) || (operation.parameters?.length ?? 0) > 0;
  const guarded = (operation.security?.length ?? 0) > 0;
  const collects = path.includes('/collect');
  const asks = path.startsWith('/api/analytics/') && guarded;
  // They take a token of their own, in the body or as a cookie.
  const renews = /\/(refresh|logout)$/.test(path);
  const makes = method === 'post' && /\/(register|apps|api-key|reveal|regenerate|lock)$/.test(path);
  const possible: [status: keyof typeof ERRORS, is: boolean][] = [
    [400, takesInput],
    [401, guarded || renews],
    [403, guarded || renews],
    [404, !collects && takesInput],
    [409, makes],
    [413, Boolean(operation.requestBody)],
    [429, collects || asks],
    [503, true],
  ];
  for (const [status, is] of possible) {
    if (is) (operation.responses as Responses)[status] ??= problem(status);
  }
}

function problem(status: keyof typeof ERRORS): Responses[string] {
  const { code, title, says } = ERRORS[status];
  const example = {
    type: `urn:tallystone:problem:${code}`,
    title,
    status,
    code,
    detail: says,
    requestId: '0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60',
    ...(status === 400 ? { errors: [{ field: 'event', message: 'must be a string' }] } : {}),
  };
  const schema = { $ref: '#/components/schemas/Problem' };
  return { description: says, content: { 'application/problem+json': { schema, example } } };
}
