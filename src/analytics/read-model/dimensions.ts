import { SqlValues } from '../../read-model/sql-values.js';
import { type NamedDimension, VALUE_MAX } from '../dimensions.js';

/** Columns of the read model; an empty text means that an event has none. */
const COLUMNS: Record<NamedDimension, string> = {
  event: 'event',
  url: 'url',
  referrerHost: 'referrer_host',
  device: 'device',
  browser: 'browser',
  os: 'os',
  utmSource: 'utm_source',
  utmMedium: 'utm_medium',
  utmCampaign: 'utm_campaign',
  utmTerm: 'utm_term',
  utmContent: 'utm_content',
};

/** Dimensions whose values are no longer than an answer tells. */
const SHORT: ReadonlySet<NamedDimension> = new Set(['event', 'device']);

/** What events are told apart by, as an expression over `events`. */
export interface CopiedDimension {
  sql: string;
  /** Its first {@link VALUE_MAX} characters, which an answer tells. */
  cut: string;
  /** Whether '' stands for an event without a value. Of metadata it is a value. */
  emptyIsNone: boolean;
}

export function columnDimension(name: NamedDimension): CopiedDimension {
  const sql = COLUMNS[name];
  return { sql, cut: SHORT.has(name) ? sql : cut(sql), emptyIsNone: true };
}

/** The text of a value that is a text, and the JSON of any other; null where an event does not have the key. */
export function metadataDimension(values: SqlValues, key: string): CopiedDimension {
  const name = values.add('String', key);
  const raw = `JSONExtractRaw(metadata, ${name})`;
  const sql = `multiIf(${raw} = '', NULL, startsWith(${raw}, '"'), JSONExtractString(metadata, ${name}), ${raw})`;
  return { sql, cut: cut(sql), emptyIsNone: false };
}

function cut(sql: string): string {
  return `leftUTF8(${sql}, ${VALUE_MAX})`;
}
