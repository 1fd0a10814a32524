import { remembered } from './bounded-cache.js';
import { withoutPort, withoutWww } from './host.js';
import { COUNTRIES, type Site, type SiteKind, SITES } from './sites.js';

/** The table of sites.ts, ready to be looked up. */
interface SiteTable {
  /** Hosts without what is below them, and names of apps. */
  exact: ReadonlyMap<string, Site>;
  /** Hosts with what is below them. */
  suffixes: ReadonlyMap<string, Site>;
  /** Names and other words in lower case. */
  words: ReadonlyMap<string, Site>;
}

const ENDINGS = Object.entries(COUNTRIES).flatMap(([before, codes]) => codes.split(' ').map((code) => before + code));

const TABLE = readTable(SITES);

/** The site of a host, or of the package of an Android app. Whole labels are compared: notgoogle.com is not google.com. */
export const siteOfHost: (host: string) => Site | null | undefined = remembered(2000, findHost);

/** The site that a `utm_source` names, by its name, another word for it, or its host. Upper and lower case are the same. */
export function siteOfSource(utmSource: string): Site | undefined {
  const word = utmSource.trim().toLowerCase();
  return TABLE.words.get(word) ?? (word.includes('.') ? (siteOfHost(word) ?? undefined) : undefined);
}

/** @returns null where there is none, since what is undefined is not remembered */
function findHost(host: string): Site | null {
  const name = withoutPort(host);
  const exact = TABLE.exact.get(withoutWww(name)) ?? TABLE.exact.get(name);
  if (exact) return exact;
  for (let at = 0; ;) {
    const site = TABLE.suffixes.get(name.slice(at));
    if (site) return site;
    const dot = name.indexOf('.', at);
    if (dot < 0) return null;
    at = dot + 1;
  }
}

function readTable(lines: string): SiteTable {
  const exact = new Map<string, Site>();
  const suffixes = new Map<string, Site>();
  const words = new Map<string, Site>();
  for (const line of lines.trim().split('\n')) {
    const [kind, name, places] = line.split(' | ') as [SiteKind, string, string];
    const site: Site = { name, kind };
    if (!words.has(name.toLowerCase())) words.set(name.toLowerCase(), site);
    for (const place of places.split(' ')) {
      if (place.startsWith('@')) words.set(place.slice(1), site);
      else if (place.startsWith('app:')) exact.set(place.slice('app:'.length), site);
      else if (place.startsWith('=')) for (const host of hostsOf(place.slice(1))) exact.set(host, site);
      else for (const host of hostsOf(place)) suffixes.set(host, site);
    }
  }
  return { exact, suffixes, words };
}

/** Writes out `google.*` and `ebay.{de,fr}`. */
function hostsOf(written: string): string[] {
  const [, name, list] = /^(.+\.)(?:\*|\{(.+)\})$/.exec(written) ?? [];
  if (name === undefined) return [written];
  return (list?.split(',') ?? ENDINGS).map((ending) => name + ending);
}
