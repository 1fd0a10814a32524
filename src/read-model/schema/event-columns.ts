import type { ProjectionRow } from '../projection/projection-row.js';
import { formatUuid } from '../../events/event-id.js';
import { textField, timeField, uint128Field } from './tab-separated.js';

/** How a column is declared, and how its value is written in ClickHouse's format TabSeparated. */
interface ReadModelColumn<Field extends keyof ProjectionRow> {
  name: string;
  /** Type and codec. */
  type: string;
  write: (value: ProjectionRow[Field]) => string;
}

/** Text of few different values: ClickHouse stores each once a part. */
const few = (name: string) => ({ name, type: 'LowCardinality(String)', write: textField });
const many = (name: string) => ({ name, type: 'String CODEC(ZSTD(1))', write: textField });
const key = (name: string) => ({ name, type: 'UInt128 CODEC(ZSTD(1))', write: uint128Field });
const time = (name: string) => ({ name, type: "DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))", write: timeField });
const flag = (name: string) => ({ name, type: 'Bool', write: (value: boolean) => (value ? '1' : '0') });

/**
 * The columns of ClickHouse's table `events`, in the order in which rows are sent. No id of a person is here as it was
 * sent: people are found by their keys, and MySQL has the rest.
 */
export const READ_MODEL_COLUMNS: { [Field in keyof ProjectionRow]-?: ReadModelColumn<Field> } = {
  appId: { name: 'app_id', type: 'UUID', write: formatUuid },
  occurredAt: time('occurred_at'),
  event: few('event'),
  userKey: key('user_key'),
  id: key('id'),
  receivedAt: time('received_at'),
  batchId: key('batch_id'),
  userKind: few('user_kind'),
  aliasKey: key('alias_key'),
  sessionId: many('session_id'),
  device: few('device'),
  url: many('url'),
  host: few('host'),
  path: many('path'),
  query: many('query'),
  utmSource: few('utm_source'),
  utmMedium: few('utm_medium'),
  utmCampaign: few('utm_campaign'),
  utmTerm: few('utm_term'),
  utmContent: few('utm_content'),
  clickIdKind: few('click_id_kind'),
  clickId: many('click_id'),
  referrerHost: few('referrer_host'),
  referrerIsInternal: flag('referrer_is_internal'),
  source: few('source'),
  channel: few('channel'),
  title: many('title'),
  language: few('language'),
  screenSize: few('screen_size'),
  screenName: few('screen_name'),
  browser: few('browser'),
  browserVersion: few('browser_version'),
  os: few('os'),
  osVersion: few('os_version'),
  deviceModel: few('device_model'),
  appVersion: few('app_version'),
  sdk: few('sdk'),
  isBot: flag('is_bot'),
  origin: few('origin'),
  metadata: { name: 'metadata', type: 'String CODEC(ZSTD(3))', write: textField },
  metadataLeftOut: flag('metadata_left_out'),
  derivation: { name: 'derivation', type: 'UInt16', write: String },
};

const FIELDS = Object.keys(READ_MODEL_COLUMNS) as (keyof ProjectionRow)[];

/** Names of the columns, as an INSERT lists them. */
const [first, ...others] = FIELDS.map((field) => READ_MODEL_COLUMNS[field].name);
export const COLUMN_NAMES: [string, ...string[]] = [first!, ...others];

/** Names and types, as CREATE TABLE lists them. */
export const COLUMN_DEFINITIONS = FIELDS.map((field) => {
  const { name, type } = READ_MODEL_COLUMNS[field];
  return `${name} ${type}`;
});

/** A row as a line of TabSeparated, each value as its column says. */
export function rowLine(row: ProjectionRow): string {
  let line = '';
  for (const field of FIELDS) {
    const write = READ_MODEL_COLUMNS[field].write as (value: unknown) => string;
    line += line === '' ? write(row[field]) : `\t${write(row[field])}`;
  }
  return `${line}\n`;
}
