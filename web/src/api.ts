import createClient, { type Middleware } from 'openapi-fetch';
import { reachable } from './addresses.js';
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

/** A call that got no answer, although this page was served. */
export class NoAnswer extends Error {
  /** @param blocked whether the server answers other calls, so that only a content blocker explains the failure */
  constructor(blocked: boolean) {
    super(
      blocked
        ? `A content blocker in this browser probably stopped this request: the server answers others. Allow ${location.host} in the content blocker, then try again.`
        : 'The server did not answer. Check your connection, and that the server is running. If other pages load, a content blocker in this browser is the likely cause.',
    );
  }
}

/** Whether the server answers a call that no content blocker looks for. */
export async function serverAnswers(): Promise<boolean> {
  try {
    await fetch('/health', { cache: 'no-store' });
    return true;
  } catch {
    return false;
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
    const address = reachable(request.url);
    // A request that has a body cannot be copied to another address: browsers would send the body as a stream, which
    // HTTP/1.1 does not allow. The renamed routes are all read by GET.
    const sent = address === request.url ? request : new Request(address, request);
    bodies.set(sent, sent.clone());
    return sent;
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
  async onError({ error }) {
    if (!(error instanceof TypeError)) return undefined;
    return new NoAnswer(await serverAnswers());
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
