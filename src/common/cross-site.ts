import type { FastifyRequest } from 'fastify';
import { ForbiddenError } from './app-error.js';

/** `none`: typed, bookmarked, or opened from another program. Programs other than browsers send no such header. */
const OWN = new Set(['same-origin', 'none']);

/**
 * Downloads and streams are GET requests, so SameSite=Lax lets another web site open them with the visitor's cookie. It
 * cannot read them, but it can make the server work and use up the account's open streams. `same-site` is refused too:
 * that is a sibling host or another port of this one, and Tallystone's pages link to nothing outside their own origin.
 * @throws ForbiddenError
 */
export function assertNotCrossSite(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || (typeof site === 'string' && OWN.has(site))) return;
  throw new ForbiddenError(
    'cross_site_request',
    'Another web site opened this download. Open it from the dashboard, or ask for it with an API key.',
  );
}
