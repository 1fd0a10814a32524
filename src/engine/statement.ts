import { EngineError } from './engine-error.js';

/** What a client wants done. */
export interface Statement {
  /** The client's query_id: letters, digits, _ and -. */
  id: string;
  /** Where names of tables without a database are looked up. Undefined: in the engine's own database. */
  database?: string;
  sql: string;
  /** Of placeholders {name:Type}, as fields of TabSeparated. */
  params: Readonly<Record<string, string>>;
  format: string;
  settings: Readonly<Record<string, string>>;
  /** ms until it is ended. */
  timeLimitMs: number;
}

/** Parameters of a request that are about the protocol, or that the engine decides itself. */
const PROTOCOL = new Set([
  ...['query', 'query_id', 'database', 'default_format', 'role', 'enable_http_compression'],
  ...['wait_end_of_query', 'send_progress_in_http_headers', 'http_headers_progress_interval_ms'],
  ...['cancel_http_readonly_queries_on_client_close', 'date_time_input_format'],
]);
const SETTING = /^[a-z][a-z\d_]*$/;
const PARAM = 'param_';

/** @throws EngineError for a parameter that is neither a setting nor known */
export function settingsOf(query: URLSearchParams): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, value] of query) {
    if (name.startsWith(PARAM) || PROTOCOL.has(name)) continue;
    if (!SETTING.test(name) || name === 'session_id') {
      throw new EngineError('UNKNOWN_SETTING', `The engine takes no parameter ${name}.`);
    }
    settings[name] = value;
  }
  return settings;
}

/**
 * The database that a request names; undefined where it names none.
 * @throws EngineError UNKNOWN_DATABASE for a name that no database of the product has
 */
export function databaseOf(query: URLSearchParams): string | undefined {
  const name = query.get('database') ?? undefined;
  if (name === undefined || /^[A-Za-z_]\w{0,63}$/.test(name)) return name;
  throw new EngineError('UNKNOWN_DATABASE', 'The name of a database is up to 64 letters, digits and _.', 404);
}

/** Values of placeholders, escaped as the client sends them: as fields of TabSeparated, which is how ClickHouse reads them. */
export function paramsOf(query: URLSearchParams): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [name, value] of query) {
    if (!name.startsWith(PARAM)) continue;
    const placeholder = name.slice(PARAM.length);
    if (!/^\w+$/.test(placeholder)) throw new EngineError('UNKNOWN_SETTING', `A placeholder is not called ${name}.`);
    params[placeholder] = value;
  }
  return params;
}

/**
 * A statement behind the values of its placeholders, as one text for chDB. Its own way to bind values
 * (`queryBindAsync`) would hold back every other session until the statement ends.
 */
export function withParams(sql: string, params: Readonly<Record<string, string>>): string {
  const list = Object.entries(params).map(([name, value]) => `param_${name} = ${quoted(value)}`);
  return list.length === 0 ? sql : `SET ${list.join(', ')}; ${sql}`;
}

/** A map, as in additional_table_filters, is written as it is; it has been checked. */
const PLAIN = /^(-?\d+(\.\d+)?|\{.*\})$/s;

/** A SELECT with its settings, which end with the statement. */
export function withSettings(sql: string, settings: Readonly<Record<string, string>>): string {
  const list = Object.entries(settings).map(
    ([name, value]) => `${name} = ${PLAIN.test(value) ? value : quoted(value)}`,
  );
  return list.length === 0 ? sql : `${sql}\nSETTINGS ${list.join(', ')}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
