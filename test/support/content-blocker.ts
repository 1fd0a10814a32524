import { FiltersEngine, Request } from '@ghostery/adblocker';
import type { BrowserContext } from 'playwright-core';

/**
 * Rules of EasyPrivacy, EasyList, uBlock Origin's and AdGuard's lists that stopped the product's former addresses or its
 * likely next ones. The whole lists were run through the same engine when the addresses were chosen (ADR 21); these are
 * the rules that mattered.
 */
export const RULES = `
/api/analytics/*
/analytics/event$domain=~app.diagrams.net
/analytics/collect?
/analytics/collect|
/analytics/pageview
/api/collect|$ping,xmlhttprequest
/api/events|$ping,~third-party
/api/metrics/collect
/collect?type=
/log/collect/*
/stats/api/collect
$ping,third-party
://analytics.*/collect
://analytics.*/event
://plausible.*/api/event|
://plausible.*/js/script.
://stats.*/code/e.js
://track.*/collect
://tracker.*/pageview
://tracking.*/event
?event=pageview&
`;

export const engine = FiltersEngine.parse(RULES);

/** The rule that stops the request, if one does. @param source address of the page that asks */
export function blockedBy(url: string, source: string, type: 'script' | 'xmlhttprequest' | 'ping'): string | undefined {
  const { match, filter } = engine.match(Request.fromRawDetails({ url, sourceUrl: source, type }));
  return match ? (filter?.toString() ?? 'unnamed rule') : undefined;
}

const TYPES: Record<string, 'script' | 'xmlhttprequest' | 'ping'> = {
  script: 'script',
  ping: 'ping',
  beacon: 'ping',
};

/** Installs the content blocker in a browser context. @returns the addresses that it stopped so far */
export async function installContentBlocker(context: BrowserContext): Promise<string[]> {
  const stopped: string[] = [];
  await context.route('**', async (route) => {
    const request = route.request();
    if (request.isNavigationRequest()) return route.continue();
    const type = TYPES[request.resourceType()] ?? 'xmlhttprequest';
    if (!blockedBy(request.url(), request.frame().url(), type)) return route.continue();
    stopped.push(request.url());
    await route.abort('blockedbyclient');
  });
  return stopped;
}
