import { remembered } from './bounded-cache.js';
import { hostOf, withoutWww } from './host.js';
import { splitUrl } from './split-url.js';

/** Where an app that opened a page is named in place of a host. */
const APP_SCHEMES = new Set(['android-app', 'ios-app']);

/**
 * Host of a referrer, or the package of an app: `com.google.android.gm` of `android-app://com.google.android.gm/`. '' for what is
 * neither, such as `about:blank`, `data:…`, `javascript:…`, `(direct)` and a path. Never throws.
 */
export const referrerHostOf: (referrer: string) => string = remembered(4000, (referrer) => {
  const { kind, scheme, authority } = splitUrl(referrer);
  if (authority === undefined) return '';
  if (kind === 'web') return hostOf(authority);
  return APP_SCHEMES.has(scheme) && /^[\w.-]{1,255}$/.test(authority) ? authority : '';
});

/**
 * Whether a referrer is a page of the same site: its host is that of the event's own URL or one of the app's. `www.` does not
 * count. Subdomains are other hosts, since they may belong to others (`ann.blogs.example`); `*.example.com` in the list takes
 * all of them.
 */
export function isInternal(referrerHost: string, host: string, ownHosts: readonly string[]): boolean {
  if (referrerHost === '') return false;
  const bare = withoutWww(referrerHost);
  if (bare === withoutWww(host)) return true;
  const own = ownHostsOf(ownHosts);
  return own.hosts.has(bare) || own.domains.some((domain) => bare === domain || bare.endsWith(`.${domain}`));
}

interface OwnHosts {
  hosts: ReadonlySet<string>;
  /** Whose subdomains are the app's too. */
  domains: readonly string[];
}

const NONE: OwnHosts = { hosts: new Set(), domains: [] };
/** Lists are made once for an app and passed for each of its events. */
const known = new WeakMap<readonly string[], OwnHosts>();

function ownHostsOf(list: readonly string[]): OwnHosts {
  if (list.length === 0) return NONE;
  let own = known.get(list);
  if (!own) known.set(list, (own = readOwnHosts(list)));
  return own;
}

function readOwnHosts(list: readonly string[]): OwnHosts {
  const spelled = (host: string): string => withoutWww(hostOf(host.trim()));
  const domains = list.filter((host) => host.startsWith('*.')).map((host) => spelled(host.slice('*.'.length)));
  const hosts = list.filter((host) => !host.startsWith('*.')).map(spelled);
  return { hosts: new Set(hosts.filter(Boolean)), domains: domains.filter(Boolean) };
}
