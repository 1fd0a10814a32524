import {
  type AppTable,
  ARCHIVED_USERS,
  DEDUPLICATION_PROBE,
  EVENTS,
  type EventTable,
  NEXT_EVENTS,
} from '../copy-targets.js';
import {
  ARCHIVED_FIELDS,
  ARCHIVED_ORDER,
  EVENT_FIELDS,
  EVENT_ORDER,
  KEY_TABLES,
  PARTS_GO_AT_ONCE,
  READ_MODEL_MIGRATIONS,
  type ReadModelMigration,
  REMEMBERED_INSERTS,
} from './migrations.js';

export type SpreadTable = AppTable | typeof DEDUPLICATION_PROBE;

/** A Keeper remembers tokens for a week; ClickHouse's default is an hour. */
const REMEMBERED_SECONDS = 7 * 24 * 60 * 60;
/** A part that was fetched from another replica is written through too: the insert's quorum counts it. */
const WRITTEN_THROUGH = `fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_fetch = 1`;

/** The UUID is that of the table, so that a table that is made anew, or takes another's place, has a path of its own in Keeper. */
const OF_SHARD = `('/clickhouse/tables/{uuid}/{shard}', '{replica}')`;
/** Every server of the cluster holds the same rows, whatever its shard. */
const OF_CLUSTER = `('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')`;

/**
 * Rows of a user are on one shard, so that less has to be brought together. The app alone would put one large app on one
 * shard. Rows of the archive that are merged into one have the same app and user, so they are on one shard as well.
 */
const SHARD = 'sipHash64(app_id, user_key)';

/** The DDL of a cluster: on each shard a replicated table, and on each server a distributed table over all shards. */
export class ClusterTables {
  private readonly onCluster: string;

  /** @param cluster letters, digits, `_` and `-` @param database letters, digits and `_` */
  constructor(
    private readonly cluster: string,
    private readonly database: string,
  ) {
    this.onCluster = `ON CLUSTER \`${cluster}\``;
  }

  /** The table that holds the rows of a shard. */
  static local(table: SpreadTable): string {
    return `${table}_local`;
  }

  /** Every name has its database: a statement ON CLUSTER is carried out elsewhere. @returns what follows `… TABLE` */
  on(table: string): string {
    return `${this.database}.${table} ${this.onCluster}`;
  }

  get createDatabase(): string {
    return `CREATE DATABASE IF NOT EXISTS ${this.database} ${this.onCluster} ENGINE = Atomic`;
  }

  /** Whose the read model is, and which migrations have run. */
  get createOwn(): string[] {
    return [
      `CREATE TABLE IF NOT EXISTS ${this.on('installation')} (id UUID) ENGINE = ReplicatedMergeTree${OF_CLUSTER} ORDER BY id`,
      `CREATE TABLE IF NOT EXISTS ${this.on('migrations')} (name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplicatedMergeTree${OF_CLUSTER} ORDER BY name`,
    ];
  }

  /** Under the names that the migrations of one server have. */
  get migrations(): ReadModelMigration[] {
    const statements: Record<string, string[]> = {
      '0001-events': this.createEvents(EVENTS),
      '0002-deletions': Object.entries(KEY_TABLES).map(
        ([name, rest]) => `CREATE TABLE IF NOT EXISTS ${this.on(name)}${rest}`,
      ),
      '0003-archived-users': this.createArchivedUsers(),
    };
    return READ_MODEL_MIGRATIONS.map(({ name }) => {
      const own = statements[name];
      if (!own) throw new Error(`The migration ${name} has no statements for a cluster`);
      return { name, statements: own };
    });
  }

  get makeNext(): string[] {
    return this.createEvents(NEXT_EVENTS);
  }

  get dropNext(): string[] {
    return this.drop(NEXT_EVENTS);
  }

  get makeProbe(): string[] {
    return this.createEvents(DEDUPLICATION_PROBE);
  }

  get dropProbe(): string[] {
    return this.drop(DEDUPLICATION_PROBE);
  }

  private drop(table: SpreadTable): string[] {
    return [table, ClusterTables.local(table)].map((name) => `DROP TABLE IF EXISTS ${this.on(name)} SYNC`);
  }

  private createEvents(table: EventTable | typeof DEDUPLICATION_PROBE): string[] {
    return [
      `CREATE TABLE IF NOT EXISTS ${this.on(ClusterTables.local(table))} ${EVENT_FIELDS}
ENGINE = ReplicatedMergeTree${OF_SHARD}
${EVENT_ORDER}
SETTINGS replicated_deduplication_window = ${REMEMBERED_INSERTS}, replicated_deduplication_window_seconds = ${REMEMBERED_SECONDS},
  ${WRITTEN_THROUGH}, ${PARTS_GO_AT_ONCE}`,
      this.distributed(table),
    ];
  }

  /** A day is sent again whole, with the same rows: none of them may pass for one that was sent before, and then deleted. */
  private createArchivedUsers(): string[] {
    return [
      `CREATE TABLE IF NOT EXISTS ${this.on(ClusterTables.local(ARCHIVED_USERS))} ${ARCHIVED_FIELDS}
ENGINE = ReplicatedAggregatingMergeTree${OF_SHARD}
${ARCHIVED_ORDER}
SETTINGS replicated_deduplication_window = 0, ${WRITTEN_THROUGH}, ${PARTS_GO_AT_ONCE}`,
      this.distributed(ARCHIVED_USERS),
    ];
  }

  private distributed(table: SpreadTable): string {
    const local = ClusterTables.local(table);
    return `CREATE TABLE IF NOT EXISTS ${this.on(table)} AS ${this.database}.${local}
ENGINE = Distributed('${this.cluster}', '${this.database}', '${local}', ${SHARD})`;
  }
}
