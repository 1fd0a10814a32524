import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ClickhouseUser } from '../config/clickhouse-url.js';
import type { StatementSettings } from './schema/topology.js';

/**
 * A client of ClickHouse's HTTP interface.
 * @param options `timeoutMs`: for a whole request, after which it counts as failed. `settings`: of every request
 */
export function clickhouseClient(
  { url, database }: { url: string; database?: string },
  { user, password }: ClickhouseUser,
  { timeoutMs, connections, settings = {} }: { timeoutMs: number; connections?: number; settings?: StatementSettings },
): ClickHouseClient {
  return createClient({
    url,
    ...(database === undefined ? {} : { database }),
    username: user,
    password,
    request_timeout: timeoutMs,
    ...(connections === undefined ? {} : { max_open_connections: connections }),
    application: 'tallystone',
    clickhouse_settings: { ...settings },
    // It writes failed statements, with their values, to the console otherwise.
    log: { level: ClickHouseLogLevel.OFF },
  });
}
