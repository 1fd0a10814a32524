import { compareVersions } from './findings.mjs';

/** @typedef {{place: string, since: string | undefined}} Deprecation */

/** Parts that hold values instead of describing them. */
const VALUES = new Set(['example', 'examples', 'default', 'enum']);

/**
 * Everything that a document marks as deprecated, wherever it stands.
 * @param {unknown} part of an OpenAPI document
 * @param {string} place names of the parts around it
 * @returns {Deprecation[]}
 */
export function deprecations(part, place = '#') {
  if (!part || typeof part !== 'object') return [];
  const own = /** @type {Record<string, any>} */ (part);
  const inner = Object.entries(own)
    .filter(([key]) => !VALUES.has(key))
    // Parameters by their names: their places in the list change.
    .flatMap(([key, value]) => deprecations(value, `${place}/${(Array.isArray(own) && value?.name) || key}`));
  if (own.deprecated !== true) return inner;
  const since = own['x-deprecated-since'];
  return [{ place, since: typeof since === 'string' ? since : undefined }, ...inner];
}

/**
 * Faults of the marks themselves: each says since which release, and the release does not change afterwards.
 * @param {object} before the OpenAPI document of the last release
 * @param {object} after the current one
 * @param {string} next the release that is being made
 * @returns {string[]} a sentence each
 */
export function deprecationFaults(before, after, next) {
  const known = new Map(deprecations(before).map(({ place, since }) => [place, since]));
  return deprecations(after).flatMap(({ place, since }) => {
    if (!since || !/^\d+\.\d+\.\d+$/.test(since))
      return [`${place}: deprecated without x-deprecated-since, as in 0.3.0`];
    if (compareVersions(since, next) > 0) return [`${place}: deprecated since ${since}, which is later than ${next}`];
    const first = known.get(place);
    if (first && first !== since) return [`${place}: deprecated since ${first}, now said to be since ${since}`];
    if (!first && since !== next) return [`${place}: newly deprecated, so since ${next} and not ${since}`];
    return [];
  });
}

/**
 * What is deprecated from the next release on.
 * @param {object} before the OpenAPI document of the last release
 * @param {object} after the current one
 * @returns {Map<string, string>} each with the name by which the changelog must tell it
 */
export function newDeprecations(before, after) {
  const known = new Set(deprecations(before).map(({ place }) => place));
  const fresh = deprecations(after).filter(({ place }) => !known.has(place));
  return new Map(fresh.map(({ place }) => [`${place}: deprecated`, place.slice(place.lastIndexOf('/') + 1)]));
}
