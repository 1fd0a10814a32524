import type { AppTable, EventTable } from '../copy-targets.js';
import type { KeyTable, ReadModelMigration } from './migrations.js';

/** Settings of ClickHouse, by name. */
export type StatementSettings = Readonly<Record<string, string | number>>;

/** How many servers hold the tables, and how many of them hold the same rows. */
export interface ServerCount {
  servers: number;
  /** Of each shard. */
  replicas: number;
}

/** How the parts are found that hold rows which are to be deleted. */
export interface PartSearch {
  /** Notes them in the table `deleting_parts`, with {run:UUID}. Undefined: the other statement finds them itself. */
  note?: string;
  /** Answers `partition`, `part` and `events`, with {run:UUID}; a row for each server that holds them. */
  found: string;
}

/** Statements about single parts, which have a meaning on one server only. */
export interface PartStatements {
  /** The parts of {table:String} that are in use: `name` and `events`. */
  active: string;
  drop(table: AppTable, part: string): string;
  dropDetached(table: AppTable, part: string): string;
}

/**
 * How statements about the tables of the read model are written: for one server, or for a cluster. The rest of the code asks it.
 * What selects rows, or inserts them, names `events`, `events_next` and `archived_users` in both forms.
 */
export interface Topology {
  /** Of every request. */
  readonly settings: StatementSettings;
  /** Answers `shard` and `replicas` for each shard. Undefined: there is one server. */
  readonly countServers?: string;
  /** May name {database:Identifier}. */
  readonly createDatabase: string;
  /** Make the tables that say whose the read model is, and which migrations have run. */
  readonly createOwnTables: readonly string[];
  /** Of inserts into those tables. */
  ownInsertSettings(count: ServerCount): StatementSettings;
  readonly migrations: readonly ReadModelMigration[];
  /** Whether the table `events` was made in the other form. @param engine ClickHouse's name of its engine */
  isOther(engine: string): boolean;

  /** Of inserts of rows. @param timeoutMs after which the insert counts as failed */
  insertSettings(count: ServerCount, timeoutMs: number): StatementSettings;
  /** Has every replica take over the rows that others have. Undefined: there is nobody to wait for. */
  catchUp?(table: EventTable): string;

  /** Make, and remove, a table `deduplication_probe` that takes rows as `events` does. */
  readonly makeProbe: readonly string[];
  readonly dropProbe: readonly string[];
  readonly makeNext: readonly string[];
  readonly dropNext: readonly string[];
  /** Ends once every server has done what it was told before. Undefined: a statement is done when it has answered. */
  readonly barrier?: string;
  /** `events` and `events_next` take each other's place. */
  readonly exchange: string;
  /** Answers `id` for {table:String}, and on a cluster `servers`, which says how many have it. */
  idOf(table: AppTable): string;
  /** Delete the rows of the table that answers, and of archived users. */
  readonly empty: readonly string[];

  /** @param commands as ALTER TABLE takes them @param settings of the mutation, as `name = value` */
  mutation(table: AppTable, commands: string, settings?: string): string;
  /** The mutations of {table:String} that name {run:String}: `done` and `failure`; on a cluster, a row for each server. */
  mutations(table: AppTable, run: string): string;
  readonly killUnfinished: string;
  /** Where rows of a table of keys are inserted; on a cluster, under the setting `insert_shard_id`, those of one server. */
  keyTable(table: KeyTable): string;
  /** Empty the tables of keys. */
  readonly emptyKeys: readonly string[];
  searchParts(table: AppTable, condition: string): PartSearch;
  /** The parts of {table:String} that are no longer in use, and those that were put aside; `name` says where. */
  oldParts(table: AppTable): string;
  detachedParts(table: AppTable): string;
  /** Undefined on a cluster: what names a part there reaches one server of each shard. */
  readonly parts?: PartStatements;
}
