import type { EnvReader } from './env-reader.js';

export const DEFAULT_TRACKER_NAME = 't.js';
/** No filter list of content blockers names it. */
export const DEFAULT_COLLECT_PATH = '/api/ingest';

/** Segments of letters, digits, `-`, `_`, `~` and `.`; none begins with a dot. */
const SEGMENTS = /^(?:[\w~-][\w.~-]*\/)*[\w~-][\w.~-]*$/;
const PATH_MAX = 100;
/** First segments that the product's own pages and routes use. */
const TAKEN = new Set(
  (
    'api api-docs api-docs-json assets auth analytics collect health ready metrics event users live keys ingest settings start ' +
    'local-sign-in favicon.svg favicon.ico palette.css pages.css'
  ).split(' '),
);

/**
 * TRACKER_NAME: the name of the browser script, for sites whose visitors' content blockers know the default.
 * @returns without a leading slash
 */
export function readTrackerName(reader: EnvReader): string {
  const name = reader.text('TRACKER_NAME') ?? DEFAULT_TRACKER_NAME;
  if (isFree(name) && name.endsWith('.js') && name !== '.js') return name;
  reader.fault(
    'TRACKER_NAME',
    'must be a file name that ends in .js, as in site.js or js/site.js, and must not begin like a path of the product',
  );
  return DEFAULT_TRACKER_NAME;
}

/**
 * COLLECT_PATH: the path to which the browser script posts events.
 * @returns with a leading slash, without a trailing one
 */
export function readCollectPath(reader: EnvReader): string {
  const path = reader.text('COLLECT_PATH') ?? DEFAULT_COLLECT_PATH;
  if (path === DEFAULT_COLLECT_PATH) return path;
  if (path.startsWith('/') && isFree(path.slice(1)) && !path.endsWith('.js')) return path;
  reader.fault(
    'COLLECT_PATH',
    'must be a path such as /shop/count, without a slash at its end, and must not begin like a path of the product',
  );
  return DEFAULT_COLLECT_PATH;
}

function isFree(path: string): boolean {
  return path.length <= PATH_MAX && SEGMENTS.test(path) && !TAKEN.has(path.split('/')[0]!);
}

/**
 * First labels of a host name that filter lists of content blockers name, such as `://analytics.` with a path or
 * `||matomo.`: a script served from such a host may be blocked whatever its own name is.
 */
const LISTED_LABELS = new Set(
  'analytics stats stat track tracker tracking collect collector beacon matomo piwik plausible fathom posthog ads adv'.split(
    ' ',
  ),
);

/**
 * @param publicUrl PUBLIC_URL
 * @returns the host's first label, such as `stats`, if content blockers look for it; else undefined
 */
export function listedHostLabel(publicUrl: string): string | undefined {
  const label = new URL(publicUrl).hostname.split('.')[0]!;
  return LISTED_LABELS.has(label) ? label : undefined;
}
