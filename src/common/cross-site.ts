import type { FastifyRequest } from 'fastify';
import { ForbiddenError } from './app-error.js';

/** `none`: typed, bookmarked, or opened from another program. Programs other than browsers send no such header. */
const OWN = new Set(['same-origin', 'none']);

/** Whether a browser sends the request because another web site had it do so; true for a sibling host or another port too. */
export function isFromAnotherSite({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && !(typeof site === 'string' && OWN.has(site));
}

/**
 * Downloads and streams are GET requests, so SameSite=Lax lets another web site open them with the visitor's cookie. It
 * cannot read them, but it can make the server work and use up the account's open streams. `same-site` is refused too:
 * that is a sibling host or another port of this one, and Tallystone's pages link to nothing outside their own origin.
 * @throws ForbiddenError
 */
export function assertNotCrossSite(request: FastifyRequest): void {
  if (!isFromAnotherSite(request)) return;
  throw new ForbiddenError(
    'cross_site_request',
    'Another web site opened this download. Open it from the dashboard, or ask for it with an API key.',
  );
}
