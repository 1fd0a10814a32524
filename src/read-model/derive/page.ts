import { remembered } from './bounded-cache.js';
import { hostOf } from './host.js';
import { type Campaign, campaignOf, NO_CAMPAIGN } from './parameters.js';
import { decodedPath } from './percent.js';
import { splitUrl } from './split-url.js';

/** What an event's URL says. '' where it says nothing. */
export interface Page extends Campaign {
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

/** Parts of an app's own URLs that name no screen: the host that its web view pretends, and the id of a browser's extension. */
const NO_SCREEN = /^(?:localhost|[a-p]{32}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i;

const NOWHERE: Page = { host: '', path: '', query: '', ...NO_CAMPAIGN };

/** Reads the URL of an event. Never throws, whatever the text is. */
export const pageOf: (url: string) => Page = remembered(4000, readPage);

function readPage(url: string): Page {
  const { kind, authority, path, query, fragment } = splitUrl(url);
  const isApp = kind === 'app';
  const host = isApp || authority === undefined ? '' : hostOf(authority);
  // Of an address that a browser would refuse nothing is sure: what looks like its path may be part of a password.
  const isRefused = isApp ? !isScreen(authority!) : authority !== undefined && host === '';
  if (kind === 'none' || isRefused) return NOWHERE;
  const route = routeOf(fragment);
  const queries = query && route.query ? `${query}&${route.query}` : query || route.query;
  const namesPage = host !== '' || isApp || path !== '' || route.path !== '';
  const place = namesPage ? pathOf(isApp ? screenPath(authority!, path) : path) + route.path : '';
  return { host, path: place, query: queries, ...campaignOf(queries) };
}

function pathOf(written: string): string {
  const path = decodedPath(written.startsWith('/') ? written : `/${written}`);
  return withoutTrailingSlashes(path.includes('/.') ? withoutDots(path) : path) || '/';
}

/** Whether what follows `//` may be the name of a screen, and not a user with a part of a password. */
function isScreen(authority: string): boolean {
  return /^[^:]*(?::\d*)?$/.test(withoutUser(authority));
}

/** Of `shop://cart/items` the screen is `/cart/items`. */
function screenPath(authority: string, path: string): string {
  const name = withoutUser(authority);
  return name === '' || NO_SCREEN.test(name) ? path : `/${name}${path}`;
}

function withoutUser(authority: string): string {
  return authority.slice(authority.lastIndexOf('@') + 1);
}

/**
 * The route of a hash router, which names a page as a path does: it begins with `/` or `!/`. `#/` and `#!/` are the same as no
 * fragment. Any other fragment is a place in the page.
 */
function routeOf(fragment: string): { path: string; query: string } {
  if (!/^!?\//.test(fragment)) return { path: '', query: '' };
  const [route = ''] = fragment.split('#', 1);
  const mark = route.indexOf('?');
  const path = withoutTrailingSlashes(decodedPath(mark < 0 ? route : route.slice(0, mark)));
  return { path: path === '' || path === '!' ? '' : `#${path}`, query: mark < 0 ? '' : route.slice(mark + 1) };
}

function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** Resolves `.` and `..`, as browsers do before they ask for a page. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.slice(1).split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}
