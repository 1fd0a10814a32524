/**
 * What events can be told apart by, as an expression over `events`. Every one is compared byte by byte: the engines'
 * JSON functions answer in collations that fold case.
 */

const UTM_NAMES = ['source', 'medium', 'campaign', 'term', 'content'] as const;

/** Everything after the question mark of an address, with an & before each name. */
const SEARCH = `IF(LOCATE('?', url) = 0, '', CONCAT('&', SUBSTRING(SUBSTRING_INDEX(url, '#', 1), LOCATE('?', url) + 1)))`;
/** An address without what follows its path; another address may stand there. */
const BARE = `SUBSTRING_INDEX(SUBSTRING_INDEX(referrer, '?', 1), '#', 1)`;
const AUTHORITY = `SUBSTRING_INDEX(IF(LOCATE('://', ${BARE}) = 0, ${BARE}, SUBSTRING(${BARE}, LOCATE('://', ${BARE}) + 3)), '/', 1)`;
const HOST = `SUBSTRING_INDEX(${AUTHORITY}, '@', -1)`;

/** Dimensions with a name of their own. */
export const NAMED_DIMENSIONS = {
  event: 'event',
  url: 'url',
  referrerHost: `NULLIF(LOWER(${HOST}), '')`,
  device: 'device',
  browser: 'browser',
  os: 'os',
  ...Object.fromEntries(UTM_NAMES.map((name) => [`utm${name[0]!.toUpperCase()}${name.slice(1)}`, utm(`utm_${name}`)])),
} as Record<NamedDimension, string>;

export type NamedDimension = 'event' | 'url' | 'referrerHost' | 'device' | 'browser' | 'os' | UtmDimension;
export type UtmDimension = 'utmSource' | 'utmMedium' | 'utmCampaign' | 'utmTerm' | 'utmContent';

/** Where the name stands more than once the last one counts. Of a space both spellings are one. */
function utm(name: string): string {
  const after = `REPLACE(REPLACE(SUBSTRING_INDEX(SUBSTRING_INDEX(${SEARCH}, '&${name}=', -1), '&', 1), '+', ' '), '%20', ' ')`;
  return `IF(LOCATE('&${name}=', ${SEARCH}) = 0, NULL, ${after})`;
}

/** Keys of metadata that can be asked for: a path of JSON can name others, but no two engines alike. */
export const METADATA_KEY = /^[^"\\\p{Cc}]{1,128}$/u;

/** Characters of a value by which events are told apart. MariaDB sorts by 1,024 bytes, and would not tell longer ones apart. */
export const VALUE_MAX = 255;

/** An expression with the values bound to it. */
export interface Expression {
  sql: string;
  parameters: unknown[];
}

/** @param key must match {@link METADATA_KEY} */
export function metadataDimension(key: string): Expression {
  return { sql: 'JSON_UNQUOTE(JSON_EXTRACT(metadata, ?))', parameters: [`$."${key}"`] };
}

export function namedDimension(name: NamedDimension): Expression {
  return { sql: NAMED_DIMENSIONS[name], parameters: [] };
}
