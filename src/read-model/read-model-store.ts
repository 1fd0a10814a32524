import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ReadModelAddress } from '../config/clickhouse-url.js';
import type { ProjectionRow } from './projection/projection-row.js';
import type { EventKey } from './outbox/event-ids.js';
import { COLUMN_NAMES, rowLine } from './schema/event-columns.js';

/** A ClickHouse server has other defaults than the engine: what each insert relies on is stated. */
const INSERT_SETTINGS = { async_insert: 0, insert_deduplicate: 1, max_partitions_per_insert_block: '0' } as const;
const CHANGE_SETTINGS = { mutations_sync: '2' } as const;

const CREATE_DATABASE = 'CREATE DATABASE IF NOT EXISTS {database:Identifier}';
const OF_BATCHES = `SELECT toString(app_id) AS app, lower(hex(id)) AS id FROM events WHERE batch_id IN `;
const DELETE = 'ALTER TABLE events DELETE WHERE app_id = toUUID({app:String}) AND id IN ';
/** Ids in one DELETE. Its text stays on disk for a while. */
const DELETED_AT_ONCE = 1000;

/** Writes to the read model, and looks up what it has. */
export class ReadModelStore {
  readonly client: ClickHouseClient;

  /** @param requestTimeoutMs after which an insert counts as failed, though it may go on */
  constructor(
    readonly address: ReadModelAddress,
    private readonly requestTimeoutMs: number,
  ) {
    this.client = this.connect(address.database);
  }

  /** Makes the database where there is none of that name. */
  async createDatabase(): Promise<void> {
    // A server refuses whatever names a database that is not there.
    const client = this.connect();
    const { database } = this.address;
    await client.command({ query: CREATE_DATABASE, query_params: { database } }).finally(() => client.close());
  }

  /** Sends rows, all or, where they are of several months, each month or not. @param token the same for the same rows */
  async insert(rows: readonly ProjectionRow[], token: string): Promise<void> {
    const text = rows.map(rowLine).join('');
    await this.client.insert({
      table: 'events',
      columns: COLUMN_NAMES,
      format: 'TabSeparated',
      values: Readable.from([text], { objectMode: false }),
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
    });
  }

  /** The events of these batches that are there. @param batchIds 32 hex digits each, at least one */
  async eventsOfBatches(batchIds: readonly string[]): Promise<EventKey[]> {
    const { list, params } = listOf(batchIds);
    const answer = await this.client.query({ query: OF_BATCHES + list, query_params: params, format: 'JSONEachRow' });
    const rows = await answer.json<{ app: string; id: string }>();
    // hex() leaves out zeros in front.
    return rows.map(({ app, id }) => ({ appId: app.replaceAll('-', ''), id: id.padStart(32, '0') }));
  }

  /** Deletes events. @returns when no part holds them that answers questions */
  async deleteEvents(events: readonly EventKey[]): Promise<void> {
    const idsOf = new Map<string, string[]>();
    for (const { appId, id } of events) idsOf.set(appId, [...(idsOf.get(appId) ?? []), id]);
    for (const [app, ids] of idsOf) {
      for (let from = 0; from < ids.length; from += DELETED_AT_ONCE) {
        const { list, params } = listOf(ids.slice(from, from + DELETED_AT_ONCE));
        await this.client.command({
          query: DELETE + list,
          query_params: { ...params, app },
          clickhouse_settings: CHANGE_SETTINGS,
        });
      }
    }
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  private connect(database?: string): ClickHouseClient {
    const { url, copying } = this.address;
    return createClient({
      url,
      ...(database === undefined ? {} : { database }),
      username: copying.user,
      password: copying.password,
      request_timeout: this.requestTimeoutMs,
      application: 'tallystone',
      // It writes failed statements to the console otherwise.
      log: { level: ClickHouseLogLevel.OFF },
    });
  }
}

/** `IN (…)` of numbers of 128 bits: arrays do not survive chDB's way to bind values. @param hex 32 digits each */
function listOf(hex: readonly string[]): { list: string; params: Record<string, string> } {
  if (hex.length === 0) throw new Error('A condition was built from an empty list');
  const params: Record<string, string> = {};
  for (const [index, one] of hex.entries()) params[`v${index}`] = BigInt(`0x${one}`).toString();
  return {
    list: `(${Object.keys(params)
      .map((name) => `{${name}:UInt128}`)
      .join(', ')})`,
    params,
  };
}
