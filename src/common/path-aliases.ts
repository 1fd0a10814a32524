import type { Env } from '../config/env.js';
import { DEFAULT_COLLECT_PATH, DEFAULT_TRACKER_NAME } from '../config/public-paths.js';

/** What decides which addresses reach a route. */
export type AliasSettings = Pick<Env, 'collectPath' | 'trackerName'>;

/**
 * No filter list of content blockers names it either. The pages use it; /api/analytics stays, for programs.
 * docs/content-blockers.md has the whole table.
 */
const NEUTRAL_ANALYTICS_PATH = '/api/reports';
const COLLECT_ROUTE = '/api/analytics/collect';
const ANALYTICS_ROUTE = '/api/analytics';

/**
 * Maps every address that the product answers to the one route behind it.
 * @returns a function from a request's URL (path and query) to the URL that is routed
 */
export function pathAliases({ collectPath, trackerName }: AliasSettings): (url: string) => string {
  const aliases: readonly [prefix: string, route: string][] = [
    // Before the collect path, which it may begin with: TRACKER_NAME=shop/t.js with COLLECT_PATH=/shop.
    [`/${trackerName}`, `/${DEFAULT_TRACKER_NAME}`],
    [collectPath, COLLECT_ROUTE],
    [DEFAULT_COLLECT_PATH, COLLECT_ROUTE],
    [NEUTRAL_ANALYTICS_PATH, ANALYTICS_ROUTE],
    ['/collect', COLLECT_ROUTE],
    ['/auth', '/api/auth'],
    ['/analytics', ANALYTICS_ROUTE],
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
