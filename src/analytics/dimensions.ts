/** Dimensions by their names in the API. Any key of metadata is one too. */
export const NAMED_DIMENSIONS = [
  'event',
  'url',
  'referrerHost',
  'device',
  'browser',
  'os',
  'utmSource',
  'utmMedium',
  'utmCampaign',
  'utmTerm',
  'utmContent',
] as const;

export type NamedDimension = (typeof NAMED_DIMENSIONS)[number];

/** What stands before a key of metadata in the name of a dimension. */
export const METADATA_PREFIX = 'metadata.';

/** Keys of metadata that can be asked for. */
const METADATA_KEY = /^[^"\\\p{Cc}]{1,128}$/u;

/** Longest value in an answer, characters. */
export const VALUE_MAX = 255;

export function isMetadataKey(key: string): boolean {
  return METADATA_KEY.test(key);
}

/** @param by as asked */
export function isDimension(by: string): boolean {
  if (by.startsWith(METADATA_PREFIX)) return isMetadataKey(by.slice(METADATA_PREFIX.length));
  return NAMED_DIMENSIONS.some((name) => name === by);
}
