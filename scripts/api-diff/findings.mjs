/**
 * Whether something deprecated has stayed for long enough to go: for two minor releases, the one that deprecated it included.
 * @param {string} since the release that deprecated it, as in 0.3.0
 * @param {readonly string[]} releases versions of all releases so far
 */
export function mayGo(since, releases) {
  const minors = releases.filter((one) => compareVersions(one, since) >= 0).map((one) => one.replace(/\.\d+$/, ''));
  return new Set(minors).size >= 2;
}

/** @param {string} a @param {string} b as in 0.3.0 @returns {number} below 0 where a is older */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  return left.map((part, i) => part - right[i]).find((difference) => difference !== 0) ?? 0;
}

/** What a comparison has found. */
export class Findings {
  /** What no release may do, a sentence each. @type {Set<string>} */
  breaks = new Set();
  /** What was added, and the name that the changelog must use for it. @type {Map<string, string>} */
  additions = new Map();

  /** @param {readonly string[]} releases versions of all releases so far */
  constructor(releases) {
    this.releases = releases;
  }

  /** @param {string} where @param {string} what */
  breaking(where, what) {
    this.breaks.add(`${where}: ${what}`);
  }

  /** @param {string} where @param {string} what @param {string} name */
  added(where, what, name) {
    this.additions.set(`${where}: ${what}`, name);
  }

  /**
   * Something was removed. Only a deprecated field may be, and only after two minor releases.
   * @param {string} where
   * @param {string} what
   * @param {{deprecated?: boolean, 'x-deprecated-since'?: string} | undefined} before as the baseline described it
   */
  removed(where, what, before) {
    const since = before?.deprecated ? before['x-deprecated-since'] : undefined;
    if (since && mayGo(since, this.releases)) return;
    const early = since ? `; deprecated since ${since}, it stays for two minor releases` : '';
    this.breaking(where, `${what}${early}`);
  }
}
