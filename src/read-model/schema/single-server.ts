import {
  APP_TABLES,
  type AppTable,
  ARCHIVED_USERS,
  DEDUPLICATION_PROBE,
  EVENTS,
  NEXT_EVENTS,
} from '../copy-targets.js';
import { KEY_TABLES, type KeyTable, READ_MODEL_MIGRATIONS } from './migrations.js';
import { quoted } from './sql-literal.js';
import type { PartSearch, PartStatements, StatementSettings, Topology } from './topology.js';

const INSTALLATION = 'CREATE TABLE IF NOT EXISTS installation (id UUID) ENGINE = MergeTree ORDER BY id';
const MIGRATIONS = `CREATE TABLE IF NOT EXISTS migrations (name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = MergeTree ORDER BY name`;
const ID_OF = `SELECT replaceAll(toString(uuid), '-', '') AS id FROM system.tables
WHERE database = currentDatabase() AND name = {table:String}`;

/** A change, not a question: the engine has it wait for changes only, and copies go on beside it. */
const noteParts = (table: AppTable): string =>
  `INSERT INTO deleting_parts SELECT {run:UUID}, _partition_id, _part, count() FROM ${table} WHERE `;
const GROUPED = ' GROUP BY _partition_id, _part';
const FOUND_PARTS = `SELECT partition, part, toString(events) AS events FROM deleting_parts WHERE run = {run:UUID}`;
const ACTIVE_PARTS = `SELECT name, toString(rows) AS events FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active`;
/** With \`_state\` parts are listed until the last of their files is removed. */
const OLD_PARTS = `SELECT name FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND _state != 'Active'`;
const DETACHED_PARTS = `SELECT name FROM system.detached_parts
WHERE database = currentDatabase() AND table = {table:String}`;
const MUTATIONS = `SELECT is_done AS done, latest_fail_reason AS failure FROM system.mutations
WHERE database = currentDatabase() AND table = {table:String} AND position(command, {run:String}) > 0`;
const KILL_UNFINISHED = `KILL MUTATION WHERE database = currentDatabase() AND table IN ('${APP_TABLES.join("', '")}') AND NOT is_done
AND (position(command, 'deleting_') > 0 OR position(command, 'expiring') > 0)`;

/** The tables are on the server, or in the engine, that the address names. */
export class SingleServer implements Topology {
  readonly settings: StatementSettings = {};
  readonly createDatabase = 'CREATE DATABASE IF NOT EXISTS {database:Identifier}';
  readonly createOwnTables = [INSTALLATION, MIGRATIONS];
  readonly migrations = READ_MODEL_MIGRATIONS;
  /** It has the engine and the settings of the table whose inserts must not count twice. */
  readonly makeProbe = [`CREATE TABLE ${DEDUPLICATION_PROBE} AS ${EVENTS}`];
  readonly dropProbe = [`DROP TABLE IF EXISTS ${DEDUPLICATION_PROBE} SYNC`];
  readonly makeNext = [`CREATE TABLE ${NEXT_EVENTS} AS ${EVENTS}`];
  readonly dropNext = [`DROP TABLE IF EXISTS ${NEXT_EVENTS} SYNC`];
  readonly exchange = `EXCHANGE TABLES ${EVENTS} AND ${NEXT_EVENTS}`;
  readonly empty = [`TRUNCATE TABLE ${EVENTS}`, `TRUNCATE TABLE ${ARCHIVED_USERS}`];
  readonly killUnfinished = KILL_UNFINISHED;
  readonly emptyKeys = [...Object.keys(KEY_TABLES), 'deleting_parts'].map((table) => `TRUNCATE TABLE ${table}`);
  readonly parts: PartStatements = {
    active: ACTIVE_PARTS,
    drop: (table, part) => `ALTER TABLE ${table} DROP PART ${quoted(part)}`,
    dropDetached: (table, part) =>
      `ALTER TABLE ${table} DROP DETACHED PART ${quoted(part)} SETTINGS allow_drop_detached = 1`,
  };

  ownInsertSettings(): StatementSettings {
    return {};
  }

  isOther(engine: string): boolean {
    return engine === 'Distributed';
  }

  insertSettings(): StatementSettings {
    return {};
  }

  idOf(): string {
    return ID_OF;
  }

  mutation(table: AppTable, commands: string, settings?: string): string {
    return `ALTER TABLE ${table} ${commands}${settings === undefined ? '' : ` SETTINGS ${settings}`}`;
  }

  mutations(): string {
    return MUTATIONS;
  }

  keyTable(table: KeyTable): string {
    return table;
  }

  searchParts(table: AppTable, condition: string): PartSearch {
    return { note: noteParts(table) + condition + GROUPED, found: FOUND_PARTS };
  }

  oldParts(): string {
    return OLD_PARTS;
  }

  detachedParts(): string {
    return DETACHED_PARTS;
  }
}
