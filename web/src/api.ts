import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './api-types.js';

export type Schemas = components['schemas'];

/** What the server says when it refuses (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

let renewing: Promise<boolean> | undefined;

/** A new access token by the refresh cookie; one request for all that need it at the same time. */
export function renew(): Promise<boolean> {
  renewing ??= fetch('/api/auth/refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
    .then(
      (answer) => answer.ok,
      () => false,
    )
    .finally(() => (renewing = undefined));
  return renewing;
}

const bodies = new WeakMap<Request, Request>();

const session: Middleware = {
  onRequest({ request }) {
    bodies.set(request, request.clone());
    return undefined;
  },
  async onResponse({ request, response }) {
    if (response.status === 401 && (await renew())) response = await fetch(bodies.get(request)!);
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
    throw new Problem(
      response.status,
      problem.code ?? 'unknown',
      problem.detail ?? `The server answered ${response.status}. Try again in a moment.`,
    );
  },
};

/** Our own API, typed by its OpenAPI document. Throws a {@link Problem} when the answer is a refusal. */
export const api = createClient<paths>({ baseUrl: location.origin });
api.use(session);

/** The answer's data; an answer without is a fault of ours. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data: found } = await answer;
  if (found === undefined) throw new Error('The server answered nothing');
  return found;
}
