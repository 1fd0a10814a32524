import { COLUMN_DEFINITIONS } from './event-columns.js';

/** A change of the read model's tables. */
export interface ReadModelMigration {
  /** Sorts after those before it. */
  name: string;
  /** Each may be repeated. */
  statements: readonly string[];
}

/** Inserts that ClickHouse remembers by their token, counted once for each month that they hold: 100 inserts over 100 months. */
export const REMEMBERED_INSERTS = 10_000;

/**
 * Parts that were merged or mutated away are removed within about a second, not after minutes: an erasure waits for that. They
 * are no longer there to fall back on, so what takes their place is written through to the disk.
 */
export const PARTS_GO_AT_ONCE = `old_parts_lifetime = 1, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0,
  max_cleanup_delay_period = 1, min_rows_to_fsync_after_merge = 1`;

/** Ids of events and of batches tell their time, so that the small indexes find them. */
export const EVENT_FIELDS = `(
  ${COLUMN_DEFINITIONS.join(',\n  ')},
  INDEX ids id TYPE minmax GRANULARITY 1,
  INDEX batches batch_id TYPE minmax GRANULARITY 1
)`;
/** Months, and years before 2020: few parts even where events are spread over decades. */
export const EVENT_ORDER = `PARTITION BY if(occurred_at < toDateTime64('2020-01-01 00:00:00', 3, 'UTC'), toYear(occurred_at), toYYYYMM(occurred_at))
PRIMARY KEY (app_id, toDate(occurred_at), event)
ORDER BY (app_id, toDate(occurred_at), event, user_key, id)`;
const EVENTS = `CREATE TABLE IF NOT EXISTS events ${EVENT_FIELDS}
ENGINE = MergeTree
${EVENT_ORDER}
SETTINGS non_replicated_deduplication_window = ${REMEMBERED_INSERTS}, fsync_after_insert = 1, fsync_part_directory = 1,
  ${PARTS_GO_AT_ONCE}`;

/**
 * What is to be deleted is named in tables that are only in memory, so that no file ever holds a key: the text of a mutation
 * stays on disk. A run of deletions has rows of its own in each of them. ClickHouse reads no rows out of a Join table whose key
 * has several columns, but joinGet() finds them. The column is not called app_id: by that name the engine knows the tables that
 * every question must filter.
 */
export const KEY_TABLES = {
  deleting_apps: ' (run UUID, app UUID, whole Bool) ENGINE = Memory',
  deleting_people: `
  (run UUID, app UUID, user_key UInt128, until DateTime64(3, 'UTC'))
ENGINE = Join(ANY, LEFT, run, app, user_key) SETTINGS persistent = 0`,
  expiring: `
  (run UUID, app UUID, lowest_id UInt128, received_before DateTime64(3, 'UTC'))
ENGINE = Join(ANY, LEFT, run, app) SETTINGS persistent = 0`,
} as const;
/** A table of what is to be deleted. */
export type KeyTable = keyof typeof KEY_TABLES;
const KEYS = Object.entries(KEY_TABLES).map(([name, rest]) => `CREATE TABLE IF NOT EXISTS ${name}${rest}`);
/** Where rows that are to be deleted were found. */
const DELETING_PARTS = `CREATE TABLE IF NOT EXISTS deleting_parts (run UUID, partition String, part String, events UInt64)
ENGINE = Memory`;

/**
 * Rows of one key become one when parts are merged, with the bits of each: a row may be sent any number of times. Partitions are
 * about years.
 */
export const ARCHIVED_FIELDS = `(
  app_id UUID,
  day UInt32,
  event LowCardinality(String),
  user_key UInt128 CODEC(ZSTD(1)),
  quarters0 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
  quarters1 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1))
)`;
export const ARCHIVED_ORDER = `PARTITION BY intDiv(day, 365)
ORDER BY (app_id, day, event, user_key)`;
const ARCHIVED_USERS = `CREATE TABLE IF NOT EXISTS archived_users ${ARCHIVED_FIELDS}
ENGINE = AggregatingMergeTree
${ARCHIVED_ORDER}
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ${PARTS_GO_AT_ONCE}`;

/** On one server; oldest first. A cluster has other statements under the same names (cluster-tables.ts). */
export const READ_MODEL_MIGRATIONS: readonly ReadModelMigration[] = [
  { name: '0001-events', statements: [EVENTS] },
  { name: '0002-deletions', statements: [...KEYS, DELETING_PARTS] },
  { name: '0003-archived-users', statements: [ARCHIVED_USERS] },
];
