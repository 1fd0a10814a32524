import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { formatUuid } from '../events/event-id.js';
import type { ReadModelAddress } from '../config/clickhouse-url.js';
import { clickhouseClient } from './clickhouse-client.js';
import { type AppTable, EVENTS, type EventTable, NEXT_EVENTS } from './copy-targets.js';
import type { ProjectionRow } from './projection/projection-row.js';
import type { EventKey } from './outbox/event-ids.js';
import { COLUMN_NAMES, rowLine } from './schema/event-columns.js';
import type { KeyTable } from './schema/migrations.js';
import { ServerCounter } from './schema/server-count.js';
import { uint128Field } from './schema/tab-separated.js';
import type { ServerCount, StatementSettings, Topology } from './schema/topology.js';
import { topologyOf } from './schema/topology-of.js';
import { SqlValues } from './sql-values.js';

/** A ClickHouse server has other defaults than the engine: what each insert relies on is stated. */
const INSERT_SETTINGS = { async_insert: 0, insert_deduplicate: 1, max_partitions_per_insert_block: '0' } as const;
const CHANGE_SETTINGS = { mutations_sync: '2' } as const;

const ofBatches = (table: EventTable): string =>
  `SELECT toString(app_id) AS app, lower(hex(id)) AS hexId FROM ${table} WHERE batch_id IN `;
const between = (table: EventTable): string => `SELECT lower(hex(id)) AS hexId FROM ${table}
WHERE app_id = toUUID({app:String}) AND id BETWEEN {first:UInt128} AND {last:UInt128}`;
const DELETION = 'DELETE WHERE app_id = toUUID({app:String}) AND id IN ';
/** Ids in one DELETE: they are sent in the address, of which an HTTP server takes 16 KiB. Its text stays on disk for a while. */
const DELETED_AT_ONCE = 200;

const PATIENT_MS = 600_000;

/** The servers of the cluster have different tables, as while a statement ON CLUSTER is under way. To be tried again. */
export class ServersDifferError extends Error {
  override readonly name = 'ServersDifferError';

  constructor(table: string) {
    super(
      `Servers of the cluster have different tables ${table}: a change of them is still under way, or a server is new`,
    );
  }
}

/** Writes to the read model, and looks up what it has. */
export class ReadModelStore {
  readonly client: ClickHouseClient;
  /** For statements that read the whole table. */
  readonly patient: ClickHouseClient;
  /** How statements about tables are written here. */
  readonly topology: Topology;
  private readonly counter: ServerCounter;

  /** @param requestTimeoutMs after which an insert counts as failed, though it may go on */
  constructor(
    readonly address: ReadModelAddress,
    private readonly requestTimeoutMs: number,
  ) {
    this.topology = topologyOf(address);
    this.counter = new ServerCounter(this.topology, (query) => this.ask(query));
    this.client = this.connect(address.database);
    this.patient = this.connect(address.database, PATIENT_MS);
  }

  /** Makes the database where there is none of that name. */
  async createDatabase(): Promise<void> {
    // A server refuses whatever names a database that is not there.
    const client = this.connect();
    const { database } = this.address;
    const query = this.topology.createDatabase;
    await client.command({ query, query_params: { database } }).finally(() => client.close());
  }

  /** @throws ClusterUnusableError, errors of ClickHouse */
  countServers(): Promise<ServerCount> {
    return this.counter.count();
  }

  /** Carries out statements one after another. */
  async run(statements: readonly string[]): Promise<void> {
    for (const query of statements) await this.client.command({ query });
  }

  /** Carries out an INSERT into a table that says something about the read model itself. */
  async insertOwn(query: string, params: Record<string, string>): Promise<void> {
    const settings = this.topology.ownInsertSettings(await this.countServers());
    await this.client.command({ query, query_params: params, clickhouse_settings: settings });
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
      clickhouse_settings: { ...INSERT_SETTINGS, ...(await this.rowSettings()), insert_deduplication_token: token },
    });
  }

  /** The events of these batches that are there, on every replica. @param batchIds 32 hex digits each, at least one */
  async eventsOfBatches(table: EventTable, batchIds: readonly string[]): Promise<EventKey[]> {
    const values = new SqlValues();
    const query = ofBatches(table) + values.uint128s(batchIds);
    await this.catchUp(table);
    const rows = await this.ask<{ app: string; hexId: string }>(query, values.params);
    // hex() leaves out zeros in front.
    return rows.map(({ app, hexId }) => ({ appId: app.replaceAll('-', ''), id: hexId.padStart(32, '0') }));
  }

  /** The events of an app that are there between two ids, on every replica; both are included, 32 hex digits each. */
  async idsBetween(table: EventTable, appId: string, first: string, last: string): Promise<Set<string>> {
    await this.catchUp(table);
    const params = { app: formatUuid(appId), first: uint128Field(first), last: uint128Field(last) };
    const rows = await this.ask<{ hexId: string }>(between(table), params);
    return new Set(rows.map(({ hexId }) => hexId.padStart(32, '0')));
  }

  /** Answers a SELECT. @param params values of its placeholders */
  async ask<Row>(query: string, params: Record<string, string | number> = {}): Promise<Row[]> {
    const answer = await this.client.query({ query, query_params: params, format: 'JSONEachRow' });
    return answer.json<Row>();
  }

  /** Answers a SELECT that reads the whole table. */
  async askPatiently<Row>(query: string): Promise<Row[]> {
    const answer = await this.patient.query({ query, format: 'JSONEachRow' });
    return answer.json<Row>();
  }

  /** Adds rows to a table that takes a row any number of times. @param rows fields as TabSeparated writes them */
  async insertFields(table: AppTable, rows: readonly (readonly string[])[]): Promise<void> {
    if (rows.length > 0) await this.insertRows(table, rows, await this.rowSettings());
  }

  /** Names what is to be deleted, on every server. @param rows fields as TabSeparated writes them */
  async insertKeys(table: KeyTable, rows: readonly (readonly string[])[]): Promise<void> {
    if (rows.length === 0) return;
    const target = this.topology.keyTable(table);
    if (this.topology.countServers === undefined) return this.insertRows(target, rows);
    const { servers } = await this.countServers();
    // With the number of a server the rows are sent there at once; without it they would wait in a file.
    for (let server = 1; server <= servers; server += 1) {
      await this.insertRows(target, rows, { insert_shard_id: String(server) });
    }
  }

  private async insertRows(
    table: string,
    rows: readonly (readonly string[])[],
    settings: StatementSettings = {},
  ): Promise<void> {
    const text = rows.map((fields) => `${fields.join('\t')}\n`).join('');
    await this.client.insert({
      table,
      format: 'TabSeparated',
      values: Readable.from([text], { objectMode: false }),
      clickhouse_settings: { async_insert: 0, ...settings },
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
          query: this.topology.mutation(table, DELETION + values.uint128s(ids.slice(from, from + DELETED_AT_ONCE))),
          query_params: { ...values.params, app },
          clickhouse_settings: CHANGE_SETTINGS,
        });
      }
    }
  }

  /** Deletes every event of the table that answers, and every archived user. */
  empty(): Promise<void> {
    return this.run(this.topology.empty);
  }

  /** Makes an empty second table like the first one, in place of one that is there. @returns ClickHouse's id of it */
  async makeNext(): Promise<string> {
    await this.dropNext();
    await this.run(this.topology.makeNext);
    return (await this.idOf(NEXT_EVENTS))!;
  }

  /** ClickHouse's own id of a table, 32 hex digits; undefined: there is none. @throws ServersDifferError */
  async idOf(table: AppTable): Promise<string | undefined> {
    const [row, other] = await this.ask<{ id: string; servers?: string }>(this.topology.idOf(table), { table });
    if (row?.servers !== undefined) {
      const { servers } = await this.countServers();
      if (other || Number(row.servers) !== servers) throw new ServersDifferError(table);
    }
    return row?.id;
  }

  /**
   * Has the two tables take each other's place, unless they have done so already.
   * @param next ClickHouse's id of the table that is to answer
   */
  async exchange(next: string | undefined): Promise<void> {
    // An exchange that was given up may be carried out yet, and a second one would undo it.
    if (this.topology.barrier !== undefined) await this.patient.command({ query: this.topology.barrier });
    if ((await this.idOf(EVENTS)) !== next) await this.client.command({ query: this.topology.exchange });
  }

  /** Removes the second table with its files. */
  async dropNext(): Promise<void> {
    for (const query of this.topology.dropNext) await this.patient.command({ query });
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.patient.close();
  }

  private async rowSettings(): Promise<StatementSettings> {
    return this.topology.insertSettings(await this.countServers(), this.requestTimeoutMs);
  }

  /** Any replica may answer what is there. */
  private async catchUp(table: EventTable): Promise<void> {
    const query = this.topology.catchUp?.(table);
    if (query !== undefined) await this.client.command({ query });
  }

  private connect(database?: string, timeoutMs = this.requestTimeoutMs): ClickHouseClient {
    const { url, copying } = this.address;
    return clickhouseClient({ url, ...(database === undefined ? {} : { database }) }, copying, {
      timeoutMs,
      settings: this.topology.settings,
    });
  }
}
