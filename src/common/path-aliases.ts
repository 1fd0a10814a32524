import type { Env } from '../config/env.js';

/** What decides which addresses reach a route. */
export type AliasSettings = Pick<Env, 'collectPath' | 'trackerName'>;

/**
 * Addresses that no filter list of content blockers names. The browser script and the pages use them; the long addresses
 * under /api/analytics stay, for programs. docs/content-blockers.md has the whole table.
 */
export const NEUTRAL_COLLECT_PATH = '/api/ingest';
export const NEUTRAL_ANALYTICS_PATH = '/api/reports';
export const DEFAULT_TRACKER_NAME = 't.js';

const COLLECT_ROUTE = '/api/analytics/collect';
const ANALYTICS_ROUTE = '/api/analytics';

/**
 * Maps every address that the product answers to the one route behind it.
 * @returns a function from a request's URL (path and query) to the URL that is routed
 */
export function pathAliases({ collectPath, trackerName }: AliasSettings): (url: string) => string {
  const aliases: readonly [prefix: string, route: string][] = [
    [collectPath, COLLECT_ROUTE],
    [NEUTRAL_COLLECT_PATH, COLLECT_ROUTE],
    [NEUTRAL_ANALYTICS_PATH, ANALYTICS_ROUTE],
    ['/collect', COLLECT_ROUTE],
    ['/auth', '/api/auth'],
    ['/analytics', ANALYTICS_ROUTE],
    [`/${trackerName}`, `/${DEFAULT_TRACKER_NAME}`],
  ];
  return (url) => {
    for (const [prefix, route] of aliases) {
      if (url.startsWith(prefix) && (url.length === prefix.length || '/?'.includes(url[prefix.length]!))) {
        return route + url.slice(prefix.length);
      }
    }
    return url;
  };
}
