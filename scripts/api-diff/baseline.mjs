import { createHash } from 'node:crypto';

/** @typedef {{ version: string, date: string, commit: string, openapi: string }} Release an entry of docs/releases.json */

/**
 * Finds releases whose document was changed after the release: what was removed from it could be removed from the API unnoticed.
 * @param {readonly Release[]} releases
 * @param {(version: string) => Buffer} read returns the kept document of a release
 * @returns {string[]} a sentence each
 */
export function changedDocuments(releases, read) {
  return releases.flatMap(({ version, openapi }) => {
    const hash = createHash('sha256').update(read(version)).digest('hex');
    if (hash === openapi) return [];
    return [`docs/openapi/${version}.json is not the released document: its SHA-256 is ${hash}, not ${openapi}`];
  });
}
