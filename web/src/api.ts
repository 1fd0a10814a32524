import createClient, { type Middleware } from 'openapi-fetch';
import { reachable } from './addresses.js';
import type { components, paths } from './api-types.js';
import { watched } from './waiting.js';

export type Schemas = components['schemas'];
export type AppInfo = Schemas['AppDto'];
export type Person = Schemas['UserDto'];

/** What the server says when it refuses (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    /** ms after which the same may be asked again, where the server says so. */
    readonly retryAfterMs?: number,
  ) {
    super(detail);
  }
}

/** @param value of Retry-After (RFC 9110, 10.2.3): seconds, or a date @returns ms from now; undefined where it says nothing */
export function retryAfterMs(value: string | null): number | undefined {
  if (!value) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

async function problemOf(response: Response): Promise<Problem> {
  const { code, detail } = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  return new Problem(
    response.status,
    code ?? 'unknown',
    detail ?? `The server answered ${response.status}. Try again in a moment.`,
    retryAfterMs(response.headers.get('retry-after')),
  );
}

/** A call that got no answer, although this page was served. */
export class NoAnswer extends Error {
  /** @param blocked whether the server answers other calls, so that only a content blocker explains the failure */
  constructor(readonly blocked: boolean) {
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
    await watched(fetch('/health', { cache: 'no-store' }));
    return true;
  } catch {
    return false;
  }
}

/**
 * One request. There is no deadline: a long question may take as long as the server lets it, and the page says meanwhile
 * that it waits.
 * @param lateAfterMs how long it may take until the page says so
 * @throws NoAnswer
 */
export async function ask(address: string | Request, init: RequestInit = {}, lateAfterMs?: number): Promise<Response> {
  try {
    return await watched(fetch(address, init), lateAfterMs);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new NoAnswer(await serverAnswers());
  }
}

let renewing: Promise<boolean> | undefined;

/**
 * A new access token by the refresh cookie; one request for all that need it at the same time.
 * @returns false: the sign-in is over
 * @throws Problem or NoAnswer when the server cannot tell now
 */
export function renew(): Promise<boolean> {
  renewing ??= askRenewal().finally(() => (renewing = undefined));
  return renewing;
}

async function askRenewal(): Promise<boolean> {
  const headers = { 'content-type': 'application/json' };
  const answer = await ask('/api/auth/refresh', { method: 'POST', headers, body: '{}' });
  if (answer.status >= 500 || answer.status === 429) throw await problemOf(answer);
  return answer.ok;
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
    if (response.status === 401 && (await renew())) response = await ask(bodies.get(request)!);
    if (response.ok) return response;
    throw await problemOf(response);
  },
};

/** Our own API, typed by its OpenAPI document. Throws a {@link Problem} when the answer is a refusal, {@link NoAnswer} when there is none. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: (request) => ask(request) });
api.use(session);

/** The answer's data; an answer without is a fault of ours. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data: found } = await answer;
  if (found === undefined) throw new Error('The server answered nothing');
  return found;
}
