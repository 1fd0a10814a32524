import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];
type Response = NonNullable<NonNullable<OpenAPIObject['components']>['responses']>[string];
type Components = NonNullable<OpenAPIObject['components']>;

/** RFC 9457, as src/common/problem.filter.ts writes it. */
const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
  properties: {
    type: { type: 'string', example: 'urn:tallystone:problem:invalid_input' },
    title: { type: 'string', example: 'Bad request' },
    status: { type: 'integer', example: 400 },
    code: { type: 'string', description: 'Stable: made for programs.', example: 'invalid_input' },
    detail: { type: 'string', description: 'What happened, and what to do next.', example: 'event: must be a string' },
    requestId: { type: 'string', example: '0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60' },
    errors: {
      type: 'array',
      description: 'Every field that is wrong.',
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

interface ErrorText {
  /** Name in `components.responses`. */
  name: string;
  /** One of its codes. */
  code: string;
  title: string;
  description: string;
}

const ERRORS = {
  400: {
    name: 'BadRequest',
    code: 'invalid_input',
    title: 'Bad request',
    description: 'The request is wrong. `errors` names every field that is.',
  },
  401: {
    name: 'Unauthorized',
    code: 'key_missing',
    title: 'Not authenticated',
    description:
      'There is no good token: key_missing, key_malformed, key_expired, key_revoked, wrong_token_kind or account_locked.',
  },
  403: {
    name: 'Forbidden',
    code: 'scope_missing',
    title: 'Not allowed',
    description:
      'The token is good, but does not allow this: scope_missing, origin_not_allowed, session_cookie_required, ' +
      'recent_sign_in_required, cross_site_request or not_operator.',
  },
  404: {
    name: 'NotFound',
    code: 'not_found',
    title: 'Not found',
    description: 'Nothing that belongs to you has this id.',
  },
  408: {
    name: 'RequestTimeout',
    code: 'request_timeout',
    title: 'Request timeout',
    description: 'The request did not arrive in time. Send it again.',
  },
  409: {
    name: 'Conflict',
    code: 'too_many_keys',
    title: 'Conflict',
    description:
      'The state of the app, key or account does not allow this, and `detail` says what to do: key_over, key_can_read, ' +
      'key_secret_gone, too_many_apps, too_many_keys, too_many_revoked_keys, replay_under_way or own_account.',
  },
  413: {
    name: 'BodyTooLarge',
    code: 'body_too_large',
    title: 'Too large',
    description:
      'The request is too large: body_too_large, body_inflates_too_much or batch_over_limit. `detail` names the limit.',
  },
  415: {
    name: 'UnsupportedMediaType',
    code: 'unsupported_media_type',
    title: 'Unsupported media type',
    description: 'Send the body as application/json in UTF-8, plain or gzipped.',
  },
  429: {
    name: 'TooManyRequests',
    code: 'rate_limited',
    title: 'Too many requests',
    description:
      'A limit is reached (rate_limited), or too much of the account is under way, waits or is unread (too_many_questions, ' +
      'too_many_unread_bytes, too_many_streams, too_many_at_once, too_many_erasures, buffer_share_exceeded). ' +
      'Send the request again after Retry-After.',
  },
  431: {
    name: 'HeadersTooLarge',
    code: 'headers_too_large',
    title: 'Headers too large',
    description: 'The request line and headers are larger than 16 KiB.',
  },
  500: {
    name: 'InternalError',
    code: 'internal_error',
    title: 'Internal error',
    description: 'The server has a fault. The request id finds it in the log.',
  },
  503: {
    name: 'ServiceUnavailable',
    code: 'service_unavailable',
    title: 'Temporarily unavailable',
    description: 'A service is away or busy. Nothing was half done: send the request again after Retry-After.',
  },
} as const satisfies Record<number, ErrorText>;

export type ErrorStatus = keyof typeof ERRORS;

/** Headers that answers carry, described once. */
const HEADERS = {
  'X-Request-Id': {
    name: 'RequestId',
    description: 'Finds the request in the log. Send your own to choose it.',
    schema: { type: 'string' },
  },
  'Retry-After': {
    name: 'RetryAfter',
    description: 'Seconds after which to send the request again.',
    schema: { type: 'integer', minimum: 1 },
  },
  'RateLimit-Limit': {
    name: 'RateLimitLimit',
    description: 'The limit that is closest to being reached.',
    schema: { type: 'integer' },
  },
  'RateLimit-Remaining': {
    name: 'RateLimitRemaining',
    description: 'What is left of it.',
    schema: { type: 'integer' },
  },
  'RateLimit-Reset': {
    name: 'RateLimitReset',
    description: 'Seconds until it is whole again.',
    schema: { type: 'integer' },
  },
} as const;
type HeaderName = keyof typeof HEADERS;

const RATE_LIMIT: readonly HeaderName[] = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];

/** Adds the problem, each error response and each header to the document's components, for operations to refer to. */
export function addErrorComponents(components: Components): void {
  components.schemas = { ...components.schemas, Problem: PROBLEM as never };
  components.responses = {
    ...components.responses,
    ...Object.fromEntries(
      Object.entries(ERRORS).map(([status, text]) => [text.name, errorResponse(Number(status) as ErrorStatus)]),
    ),
  };
  components.headers = {
    ...components.headers,
    ...Object.fromEntries(Object.values(HEADERS).map(({ name, ...header }) => [name, header])),
  };
}

function errorResponse(status: ErrorStatus): Response {
  const { code, title, description } = ERRORS[status];
  const example = {
    type: `urn:tallystone:problem:${code}`,
    title,
    status,
    code,
    detail: description,
    requestId: '0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60',
    ...(status === 400 ? { errors: [{ field: 'event', message: 'must be a string' }] } : {}),
  };
  return {
    description,
    headers: references(['X-Request-Id', ...(status === 429 ? RATE_LIMIT : []), ...retried(status)]),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example } },
  };
}

function retried(status: ErrorStatus): readonly HeaderName[] {
  return status === 429 || status === 503 ? ['Retry-After'] : [];
}

function references(names: readonly HeaderName[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${HEADERS[name].name}` }]));
}

/** What a success means, where the handler does not say it itself. */
function successText(status: number, isCollect: boolean, { content }: { content?: object }): string {
  if (content && 'text/event-stream' in content)
    return 'A stream of server-sent events. It goes on until it is closed.';
  if (status === 201) return 'It has been created.';
  if (status === 202 && isCollect) return 'On disk: each accepted event is counted exactly once.';
  if (status === 202) return 'Accepted. The work goes on in the background.';
  return status === 204 || !content ? 'Done. The answer has no body.' : 'The answer.';
}

/** Names, on an operation, the errors that it may answer and the headers of its successes. */
export function addResponses(method: string, path: string, operation: Operation): void {
  const responses = operation.responses as Responses;
  const hasBody = Boolean(operation.requestBody);
  const hasInput = hasBody || (operation.parameters?.length ?? 0) > 0;
  // An empty requirement stands for none.
  const isGuarded = operation.security?.some((scheme) => Object.keys(scheme).length > 0) ?? false;
  // A body that no operation wants is read all the same.
  const mayHaveBody = method !== 'get';
  const isCollect = operation.tags?.includes('Collect') ?? false;
  const isSignIn = path.startsWith('/api/auth/google');
  // They take a token of their own, in the body or as a cookie.
  const renews = /\/(refresh|logout)$/.test(path);
  const makes = method === 'post' && /\/(register|apps|api-key|reveal|regenerate|lock|replay)$/.test(path);
  const isProbe = path === '/health' || path === '/ready';
  const possible: [status: ErrorStatus, is: boolean][] = [
    // Also of a request that is no HTTP, or whose path cannot be decoded.
    [400, true],
    [401, isGuarded || renews],
    [403, isGuarded || renews || isSignIn],
    [404, !isCollect && !isProbe && hasInput],
    [409, makes],
    [408, true],
    [413, mayHaveBody],
    [415, mayHaveBody],
    [429, true],
    [431, true],
    [500, !isProbe],
    [503, path !== '/health'],
  ];
  for (const [status, is] of possible) {
    if (is) responses[status] ??= { $ref: `#/components/responses/${ERRORS[status].name}` };
  }
  for (const [status, response] of Object.entries(responses)) {
    if (!response || '$ref' in response) continue;
    if (Number(status) < 300) response.description ||= successText(Number(status), isCollect, response);
    const limited = Number(status) < 300 && isGuarded;
    response.headers = {
      ...response.headers,
      ...references(['X-Request-Id', ...(limited ? RATE_LIMIT : [])]),
    } as never;
  }
}
