import type { FastifyRequest } from 'fastify';
import { escapeHtml, page } from './page.js';

/** What a page says of an error. */
interface ShownProblem {
  title: string;
  status: number;
  code: string;
  detail: string;
  requestId: string;
}

/** Characters of an unknown address that its page repeats. */
const SHOWN_PATH_MAX = 200;

/**
 * The page for an error that a person meets in a browser: while signing in, or at an address that no route knows. What asks
 * for an address of the API, or does not ask for HTML, gets none.
 * @param problem the same error as problem+json would tell it
 * @param isBadPath whether the path of the request cannot be decoded
 */
export function problemPage(
  problem: ShownProblem,
  request: FastifyRequest,
  isBadPath: boolean,
): { status: number; html: string } | undefined {
  if (!takesHtml(request.headers.accept)) return undefined;
  if (isSignIn(request)) return { status: problem.status, html: signInPage(problem) };
  return isUnknown(problem, request, isBadPath)
    ? { status: 404, html: notFoundPage(request.originalUrl, problem.requestId) }
    : undefined;
}

/** Browsers list text/html when somebody opens an address; scripts, images and programs do not. @param accept the header */
export function takesHtml(accept: string | undefined): boolean {
  const ranges = accept?.toLowerCase().split(',') ?? [];
  return ranges.some((range) => /^\s*text\/html\s*(;|$)/.test(range) && !/;\s*q=0(\.0*)?\s*(;|$)/.test(range));
}

/** What the stand-in for Google answers by itself has no route. */
function isSignIn({ routeOptions, url }: FastifyRequest): boolean {
  return routeOptions.url?.startsWith('/api/auth/google') || (routeOptions.url ?? url).startsWith('/local-sign-in/');
}

function isUnknown({ status, code }: ShownProblem, request: FastifyRequest, isBadPath: boolean): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  // A file that is not there has no route any more either (@fastify/static).
  const isMissing = status === 404 && code === 'not_found' && request.routeOptions.url === undefined;
  return (isMissing || isBadPath) && !isOfApi(request.originalUrl);
}

/** @param url as asked for. Other names of the API's addresses, such as /collect, are what a person may type. */
function isOfApi(url: string): boolean {
  return /^\/+api(\/|$)/.test(decoded(url.split('?')[0]!));
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function signInPage({ title, detail, requestId }: ShownProblem): string {
  return page(
    title,
    `<p>${escapeHtml(detail)}</p>
<p><a href="/api/auth/google">Sign in again</a></p>
<p class="small">Request ${escapeHtml(requestId)}</p>`,
  );
}

/** @param url as it was asked for; its query, which may name a person, is not shown */
export function notFoundPage(url: string, requestId: string): string {
  const path = url.split('?')[0]!;
  const shown = path.length > SHOWN_PATH_MAX ? `${path.slice(0, SHOWN_PATH_MAX)}…` : path;
  return page(
    'Page not found',
    `<p>There is no page at <code>${escapeHtml(shown)}</code>. The address may be mistyped, or the page may have moved.</p>
<p><a href="/">Go to the dashboard</a></p>
<p><a href="/api-docs">Read the API documentation</a></p>
<p class="small">Request ${escapeHtml(requestId)}</p>`,
  );
}
