import type { ProjectionRow } from '../projection/projection-row.js';
import { textField, timeField, uint128Field, uuidField } from './tab-separated.js';

/** How a column is declared, and how its value is written in ClickHouse's format TabSeparated. */
interface ReadModelColumn<Field extends keyof ProjectionRow> {
  name: string;
  /** Type and codec. */
  type: string;
  write: (value: ProjectionRow[Field]) => string;
}

const text = textField;
const uuid = uuidField;
const key = uint128Field;
const time = timeField;
const small = String;
const flag = (value: boolean): string => (value ? '1' : '0');

/** Few different values: ClickHouse stores each once a part. */
const FEW = 'LowCardinality(String)';
const MANY = 'String CODEC(ZSTD(1))';
const TIME = "DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))";

/**
 * The columns of ClickHouse's table `events`, in the order in which rows are sent. No id of a person is here as it was
 * sent: people are found by their keys, and MySQL has the rest.
 */
export const READ_MODEL_COLUMNS: { [Field in keyof ProjectionRow]-?: ReadModelColumn<Field> } = {
  appId: { name: 'app_id', type: 'UUID', write: uuid },
  occurredAt: { name: 'occurred_at', type: TIME, write: time },
  event: { name: 'event', type: FEW, write: text },
  userKey: { name: 'user_key', type: 'UInt128 CODEC(ZSTD(1))', write: key },
  id: { name: 'id', type: 'UInt128 CODEC(ZSTD(1))', write: key },
  receivedAt: { name: 'received_at', type: TIME, write: time },
  batchId: { name: 'batch_id', type: 'UInt128 CODEC(ZSTD(1))', write: key },
  userKind: { name: 'user_kind', type: FEW, write: text },
  aliasKey: { name: 'alias_key', type: 'UInt128 CODEC(ZSTD(1))', write: key },
  sessionId: { name: 'session_id', type: MANY, write: text },
  device: { name: 'device', type: FEW, write: text },
  url: { name: 'url', type: MANY, write: text },
  host: { name: 'host', type: FEW, write: text },
  path: { name: 'path', type: MANY, write: text },
  query: { name: 'query', type: MANY, write: text },
  utmSource: { name: 'utm_source', type: FEW, write: text },
  utmMedium: { name: 'utm_medium', type: FEW, write: text },
  utmCampaign: { name: 'utm_campaign', type: FEW, write: text },
  utmTerm: { name: 'utm_term', type: FEW, write: text },
  utmContent: { name: 'utm_content', type: FEW, write: text },
  clickIdKind: { name: 'click_id_kind', type: FEW, write: text },
  clickId: { name: 'click_id', type: MANY, write: text },
  referrerHost: { name: 'referrer_host', type: FEW, write: text },
  referrerIsInternal: { name: 'referrer_is_internal', type: 'Bool', write: flag },
  source: { name: 'source', type: FEW, write: text },
  channel: { name: 'channel', type: FEW, write: text },
  title: { name: 'title', type: MANY, write: text },
  language: { name: 'language', type: FEW, write: text },
  screenSize: { name: 'screen_size', type: FEW, write: text },
  screenName: { name: 'screen_name', type: FEW, write: text },
  browser: { name: 'browser', type: FEW, write: text },
  browserVersion: { name: 'browser_version', type: FEW, write: text },
  os: { name: 'os', type: FEW, write: text },
  osVersion: { name: 'os_version', type: FEW, write: text },
  deviceModel: { name: 'device_model', type: FEW, write: text },
  appVersion: { name: 'app_version', type: FEW, write: text },
  sdk: { name: 'sdk', type: FEW, write: text },
  isBot: { name: 'is_bot', type: 'Bool', write: flag },
  origin: { name: 'origin', type: FEW, write: text },
  metadata: { name: 'metadata', type: 'String CODEC(ZSTD(3))', write: text },
  metadataLeftOut: { name: 'metadata_left_out', type: 'Bool', write: flag },
  derivation: { name: 'derivation', type: 'UInt16', write: small },
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
