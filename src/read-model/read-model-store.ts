import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { formatUuid } from '../events/event-id.js';
import type { ReadModelAddress } from '../config/clickhouse-url.js';
import { clickhouseClient } from './clickhouse-client.js';
import { type AppTable, ARCHIVED_USERS, EVENTS, type EventTable, NEXT_EVENTS } from './copy-targets.js';
import type { ProjectionRow } from './projection/projection-row.js';
import type { EventKey } from './outbox/event-ids.js';
import { COLUMN_NAMES, rowLine } from './schema/event-columns.js';
import { uint128Field } from './schema/tab-separated.js';
import { SqlValues } from './sql-values.js';

/** A ClickHouse server has other defaults than the engine: what each insert relies on is stated. */
const INSERT_SETTINGS = { async_insert: 0, insert_deduplicate: 1, max_partitions_per_insert_block: '0' } as const;
const CHANGE_SETTINGS = { mutations_sync: '2' } as const;

const CREATE_DATABASE = 'CREATE DATABASE IF NOT EXISTS {database:Identifier}';
const ofBatches = (table: EventTable): string =>
  `SELECT toString(app_id) AS app, lower(hex(id)) AS hexId FROM ${table} WHERE batch_id IN `;
const between = (table: EventTable): string => `SELECT lower(hex(id)) AS hexId FROM ${table}
WHERE app_id = toUUID({app:String}) AND id BETWEEN {first:UInt128} AND {last:UInt128}`;
const deletion = (table: EventTable): string =>
  `ALTER TABLE ${table} DELETE WHERE app_id = toUUID({app:String}) AND id IN `;
const ID_OF = `SELECT replaceAll(toString(uuid), '-', '') AS id FROM system.tables
WHERE database = currentDatabase() AND name = {table:String}`;
/** Ids in one DELETE: they are sent in the address, of which an HTTP server takes 16 KiB. Its text stays on disk for a while. */
const DELETED_AT_ONCE = 200;

const PATIENT_MS = 600_000;

/** Writes to the read model, and looks up what it has. */
export class ReadModelStore {
  readonly client: ClickHouseClient;
  /** For statements that read the whole table. */
  readonly patient: ClickHouseClient;

  /** @param requestTimeoutMs after which an insert counts as failed, though it may go on */
  constructor(
    readonly address: ReadModelAddress,
    private readonly requestTimeoutMs: number,
  ) {
    this.client = this.connect(address.database);
    this.patient = this.connect(address.database, PATIENT_MS);
  }

  /** Makes the database where there is none of that name. */
  async createDatabase(): Promise<void> {
    // A server refuses whatever names a database that is not there.
    const client = this.connect();
    const { database } = this.address;
    await client.command({ query: CREATE_DATABASE, query_params: { database } }).finally(() => client.close());
  }

  /** Sends rows, all or, where they are of several months, each month or not. @param token the same for the same rows */
  async insert(table: EventTable, rows: readonly ProjectionRow[], token: string): Promise<void> {
    await this.insertLines(table, COLUMN_NAMES, rows.map(rowLine), token);
  }

  /** Stores rows once, however often it is called with them. @param lines as TabSeparated writes them @param token the same for the same rows */
  async insertLines(
    table: string,
    columns: [string, ...string[]],
    lines: readonly string[],
    token: string,
  ): Promise<void> {
    await this.client.insert({
      table,
      columns,
      format: 'TabSeparated',
      values: Readable.from([lines.join('')], { objectMode: false }),
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
    });
  }

  /** The events of these batches that are there. @param batchIds 32 hex digits each, at least one */
  async eventsOfBatches(table: EventTable, batchIds: readonly string[]): Promise<EventKey[]> {
    const values = new SqlValues();
    const query = ofBatches(table) + values.uint128s(batchIds);
    const rows = await this.ask<{ app: string; hexId: string }>(query, values.params);
    // hex() leaves out zeros in front.
    return rows.map(({ app, hexId }) => ({ appId: app.replaceAll('-', ''), id: hexId.padStart(32, '0') }));
  }

  /** The events of an app that are there between two ids, both included; 32 hex digits each. */
  async idsBetween(table: EventTable, appId: string, first: string, last: string): Promise<Set<string>> {
    const params = { app: formatUuid(appId), first: uint128Field(first), last: uint128Field(last) };
    const rows = await this.ask<{ hexId: string }>(between(table), params);
    return new Set(rows.map(({ hexId }) => hexId.padStart(32, '0')));
  }

  /** Answers a SELECT. @param params values of its placeholders */
  async ask<Row>(query: string, params: Record<string, string | number> = {}): Promise<Row[]> {
    const answer = await this.client.query({ query, query_params: params, format: 'JSONEachRow' });
    return answer.json<Row>();
  }

  /** Adds rows to a table that takes a row any number of times. @param rows fields as TabSeparated writes them */
  async insertFields(table: string, rows: readonly (readonly string[])[]): Promise<void> {
    if (rows.length === 0) return;
    const text = rows.map((fields) => `${fields.join('\t')}\n`).join('');
    await this.client.insert({
      table,
      format: 'TabSeparated',
      values: Readable.from([text], { objectMode: false }),
      clickhouse_settings: { async_insert: 0 },
    });
  }

  /** Deletes events. @returns when no part holds them that answers questions */
  async deleteEvents(table: EventTable, events: readonly EventKey[]): Promise<void> {
    const idsOf = new Map<string, string[]>();
    for (const { appId, id } of events) idsOf.set(appId, [...(idsOf.get(appId) ?? []), id]);
    for (const [app, ids] of idsOf) {
      for (let from = 0; from < ids.length; from += DELETED_AT_ONCE) {
        const values = new SqlValues();
        await this.client.command({
          query: deletion(table) + values.uint128s(ids.slice(from, from + DELETED_AT_ONCE)),
          query_params: { ...values.params, app },
          clickhouse_settings: CHANGE_SETTINGS,
        });
      }
    }
  }

  /** Deletes every event of the table that answers, and every archived user. */
  async empty(): Promise<void> {
    for (const table of [EVENTS, ARCHIVED_USERS]) await this.client.command({ query: `TRUNCATE TABLE ${table}` });
  }

  /** Makes an empty second table like the first one, in place of one that is there. @returns ClickHouse's id of it */
  async makeNext(): Promise<string> {
    await this.dropNext();
    await this.client.command({ query: `CREATE TABLE ${NEXT_EVENTS} AS ${EVENTS}` });
    return (await this.idOf(NEXT_EVENTS))!;
  }

  /** ClickHouse's own id of a table, 32 hex digits; undefined: there is none. */
  async idOf(table: AppTable): Promise<string | undefined> {
    const [row] = await this.ask<{ id: string }>(ID_OF, { table });
    return row?.id;
  }

  /** Has the two tables take each other's place, at once. */
  async exchange(): Promise<void> {
    await this.client.command({ query: `EXCHANGE TABLES ${EVENTS} AND ${NEXT_EVENTS}` });
  }

  /** Removes the second table with its files. */
  async dropNext(): Promise<void> {
    await this.patient.command({ query: `DROP TABLE IF EXISTS ${NEXT_EVENTS} SYNC` });
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.patient.close();
  }

  private connect(database?: string, timeoutMs = this.requestTimeoutMs): ClickHouseClient {
    const { url, copying } = this.address;
    return clickhouseClient({ url, ...(database === undefined ? {} : { database }) }, copying, { timeoutMs });
  }
}
