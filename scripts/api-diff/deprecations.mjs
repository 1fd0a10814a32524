import { compareVersions } from './findings.mjs';

/**
 * Something deprecated.
 * @typedef {object} Deprecation
 * @property {string} name as the changelog writes it: `PersonEventDto.timestamp`, `GET /api/apps`, `GET /api/apps?limit`
 * @property {string | undefined} since the release that deprecated it
 */

/** Parts that hold values instead of describing them. */
const VALUES = new Set(['example', 'examples', 'default', 'enum']);
const METHODS = 'get|put|post|delete|options|head|patch|trace';

/**
 * Everything that a document marks as deprecated.
 * @param {object} document an OpenAPI document
 * @returns {Deprecation[]}
 */
export function deprecations(document) {
  return partsOf(document)
    .filter(({ part }) => part.deprecated === true)
    .map(({ place, part }) => {
      const since = part['x-deprecated-since'];
      return { name: nameOf(place), since: typeof since === 'string' ? since : undefined };
    });
}

/**
 * Faults of the marks themselves: each says since which release, and the release does not change afterwards.
 * @param {object} before the OpenAPI document of the last release
 * @param {object} after the current one
 * @param {string} next the release that is being made
 * @returns {string[]} a sentence each
 */
export function deprecationFaults(before, after, next) {
  const known = new Map(deprecations(before).map(({ name, since }) => [name, since]));
  return deprecations(after).flatMap(({ name, since }) => {
    if (!since || !/^\d+\.\d+\.\d+$/.test(since))
      return [`${name}: deprecated without x-deprecated-since, as in 0.3.0`];
    if (compareVersions(since, next) > 0) return [`${name}: deprecated since ${since}, which is later than ${next}`];
    const first = known.get(name);
    if (first && first !== since) return [`${name}: deprecated since ${first}, now said to be since ${since}`];
    if (!first && since !== next) return [`${name}: newly deprecated, so since ${next} and not ${since}`];
    return [];
  });
}

/**
 * Compares the marks with the changelog, so that none comes or goes unnoticed.
 * @param {object} before the OpenAPI document of the last release
 * @param {object} after the current one
 * @param {readonly string[]} named what the changelog names in the section *Deprecated* of the next release
 * @returns {string[]} a sentence each
 */
export function changelogFaults(before, after, named) {
  const [known, now] = [before, after].map((document) => new Set(deprecations(document).map(({ name }) => name)));
  const there = new Set(partsOf(after).map(({ place }) => nameOf(place)));
  const isMissing = (/** @type {string} */ name) => !now.has(name);
  return [
    ...[...now]
      .filter((name) => !known.has(name) && !named.includes(name))
      .map((name) => `${name} is newly deprecated: CHANGELOG.md has to name it under Deprecated, as \`${name}\``),
    ...named
      .filter((name) => NAME.test(name) && isMissing(name))
      .map((name) => `CHANGELOG.md says that ${name} is deprecated; the document does not`),
    // What is gone altogether is judged as a removal (Findings.removed).
    ...[...known]
      .filter((name) => there.has(name) && isMissing(name))
      .map((name) => `${name} was deprecated in the last release, and no longer is`),
  ];
}

/** How {@link Deprecation} names things. Other code in the section is not meant, as in "use `occurredAt`". */
const NAME = /^(\w+Dto\b|[A-Z]+ \/)/;

/** @param {string} place @returns {string} the place itself where it is neither a field nor an operation nor a parameter */
function nameOf(place) {
  const field = /^#\/components\/schemas\/(.+)$/.exec(place)?.[1];
  if (field) return field.replace(/\/(properties|items)(?=\/|$)/g, '').replaceAll('/', '.');
  const operation = new RegExp(`^#/paths/(/.*?)/(${METHODS})(?:/parameters/([^/]+))?$`).exec(place);
  if (!operation) return place;
  const [, path, method, parameter] = operation;
  return `${method.toUpperCase()} ${path}${parameter ? `?${parameter}` : ''}`;
}

/**
 * @param {unknown} part of an OpenAPI document
 * @param {string} place names of the parts around it
 * @returns {{ place: string, part: Record<string, any> }[]} the part and all that it contains
 */
function partsOf(part, place = '#') {
  if (!part || typeof part !== 'object') return [];
  const own = /** @type {Record<string, any>} */ (part);
  const inner = Object.entries(own)
    .filter(([key]) => !VALUES.has(key))
    // Parameters by their names: their places in the list change.
    .flatMap(([key, value]) => partsOf(value, `${place}/${(Array.isArray(own) && value?.name) || key}`));
  return [{ place, part: own }, ...inner];
}
