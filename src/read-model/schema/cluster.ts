import { APP_TABLES, type AppTable, ARCHIVED_USERS, EVENTS, type EventTable, NEXT_EVENTS } from '../copy-targets.js';
import { ClusterTables } from './cluster-tables.js';
import { KEY_TABLES, type KeyTable, type ReadModelMigration } from './migrations.js';
import { quoted } from './sql-literal.js';
import type { PartSearch, ServerCount, StatementSettings, Topology } from './topology.js';

/**
 * Each server evaluates the conditions of a mutation with its own tables of keys. Were they evaluated by the server that takes
 * the statement, the keys would be written into the text of the mutation, which stays in Keeper.
 */
const MUTATION_SETTINGS = `allow_nondeterministic_mutations = 1, mutations_execute_subqueries_on_initiator = 0,
  mutations_execute_nondeterministic_on_initiator = 0`;

const { local } = ClusterTables;

/** The tables are spread over the shards of a cluster, each of which has replicas. */
export class Cluster implements Topology {
  readonly settings: StatementSettings = {
    // An answer without the rows of a shard would be wrong, and nobody would see it.
    skip_unavailable_shards: 0,
    // A subquery on a distributed table is asked once, of all shards.
    distributed_product_mode: 'global',
    distributed_ddl_output_mode: 'throw',
  };
  readonly countServers: string;
  readonly createDatabase: string;
  readonly createOwnTables: readonly string[];
  readonly migrations: readonly ReadModelMigration[];
  readonly makeProbe: readonly string[];
  readonly dropProbe: readonly string[];
  readonly makeNext: readonly string[];
  readonly dropNext: readonly string[];
  readonly barrier: string;
  readonly exchange: string;
  readonly empty: readonly string[];
  readonly killUnfinished: string;
  readonly emptyKeys: readonly string[];
  private readonly tables: ClusterTables;

  /** @param name letters, digits, `_` and `-` @param database letters, digits and `_` */
  constructor(
    private readonly name: string,
    private readonly database: string,
  ) {
    const tables = new ClusterTables(name, database);
    const onCluster = `ON CLUSTER \`${name}\``;
    const locals = APP_TABLES.map((table) => quoted(local(table))).join(', ');
    this.tables = tables;
    this.countServers = `SELECT toString(shard_num) AS shard, toString(uniqExact(host_name, port)) AS replicas
FROM system.clusters WHERE cluster = ${quoted(name)} GROUP BY shard_num`;
    this.createDatabase = tables.createDatabase;
    this.createOwnTables = tables.createOwn;
    this.migrations = tables.migrations;
    this.makeProbe = tables.makeProbe;
    this.dropProbe = tables.dropProbe;
    this.makeNext = tables.makeNext;
    this.dropNext = tables.dropNext;
    // Servers carry out what is ON CLUSTER in its order, so this one ends after those that are still under way.
    this.barrier = tables.createDatabase;
    this.exchange = `EXCHANGE TABLES ${database}.${local(EVENTS)} AND ${database}.${local(NEXT_EVENTS)} ${onCluster}`;
    this.empty = ([EVENTS, ARCHIVED_USERS] as const).map((table) => `TRUNCATE TABLE ${tables.on(local(table))}`);
    this.killUnfinished = `KILL MUTATION ${onCluster} WHERE database = ${quoted(database)} AND table IN (${locals}) AND NOT is_done
AND (position(command, 'deleting_') > 0 OR position(command, 'expiring') > 0)`;
    this.emptyKeys = Object.keys(KEY_TABLES).map((table) => `TRUNCATE TABLE ${tables.on(table)}`);
  }

  /** Every server has them: which one is asked next, nobody knows. */
  ownInsertSettings({ servers }: ServerCount): StatementSettings {
    return { insert_quorum: String(servers) };
  }

  isOther(engine: string): boolean {
    return engine !== 'Distributed';
  }

  /**
   * An insert has succeeded once every replica has its rows, so that any of them may answer. Inserts may run side by side then,
   * which a majority with `select_sequential_consistency` does not allow. The rows of a shard are one block under the token.
   */
  insertSettings({ replicas }: ServerCount, timeoutMs: number): StatementSettings {
    return {
      distributed_foreground_insert: 1,
      insert_quorum: String(replicas),
      insert_quorum_parallel: 1,
      insert_quorum_timeout: String(timeoutMs),
      input_format_parallel_parsing: 0,
    };
  }

  /** An insert whose outcome is unknown may have reached one replica only. */
  catchUp(table: EventTable): string {
    return `SYSTEM SYNC REPLICA ON CLUSTER \`${this.name}\` ${this.database}.${local(table)} LIGHTWEIGHT`;
  }

  idOf(table: AppTable): string {
    const { database } = this;
    return `SELECT id, toString(count()) AS servers FROM ${this
      .eachServer(`SELECT replaceAll(toString(uuid), '-', '') AS id
FROM system.tables WHERE database = ${quoted(database)} AND name = ${quoted(local(table))}`)} GROUP BY id`;
  }

  mutation(table: AppTable, commands: string, settings?: string): string {
    const all = settings === undefined ? MUTATION_SETTINGS : `${MUTATION_SETTINGS}, ${settings}`;
    return `ALTER TABLE ${this.tables.on(local(table))} ${commands} SETTINGS ${all}`;
  }

  mutations(table: AppTable, run: string): string {
    // A mutation has a row for each of its commands.
    return `SELECT done, failure FROM ${this.eachServer(`SELECT min(is_done) AS done, max(latest_fail_reason) AS failure
FROM system.mutations WHERE ${this.isOf(table)} AND position(command, ${quoted(run)}) > 0 HAVING count() > 0`)}`;
  }

  keyTable(table: KeyTable): string {
    return `FUNCTION clusterAllReplicas(${quoted(this.name)}, ${quoted(this.database)}, ${quoted(table)})`;
  }

  searchParts(table: AppTable, condition: string): PartSearch {
    const one = `SELECT _partition_id AS partition, count() AS rows FROM ${this.database}.${local(table)}
WHERE ${condition} GROUP BY _partition_id`;
    return { found: `SELECT partition, '' AS part, toString(rows) AS events FROM ${this.eachServer(one)}` };
  }

  oldParts(table: AppTable): string {
    return this.places(`FROM system.parts WHERE ${this.isOf(table)} AND _state != 'Active'`);
  }

  detachedParts(table: AppTable): string {
    return this.places(`FROM system.detached_parts WHERE ${this.isOf(table)}`);
  }

  private places(from: string): string {
    return `SELECT place AS name FROM ${this.eachServer(`SELECT concat(hostName(), '/', name) AS place ${from}`)}`;
  }

  private isOf(table: AppTable): string {
    return `database = ${quoted(this.database)} AND table = ${quoted(local(table))}`;
  }

  /** Fails while a server does not answer. @param select asked of each server alone, of its own tables */
  private eachServer(select: string): string {
    return `clusterAllReplicas(${quoted(this.name)}, view(${select}))`;
  }
}
