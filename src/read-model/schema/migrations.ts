import { COLUMN_DEFINITIONS } from './event-columns.js';

/** A change of the read model's tables. */
export interface ReadModelMigration {
  /** Sorts after those before it. */
  name: string;
  /** Each may be repeated. */
  statements: readonly string[];
}

/** Inserts that ClickHouse remembers by their token, counted once for each month that they hold: 100 inserts over 100 months. */
const REMEMBERED_INSERTS = 10_000;

/**
 * Months, and years before 2020: few parts even where events are spread over decades. Ids of events and of batches tell their
 * time, so that the small indexes find them.
 */
const EVENTS = `CREATE TABLE IF NOT EXISTS events (
  ${COLUMN_DEFINITIONS.join(',\n  ')},
  INDEX ids id TYPE minmax GRANULARITY 1,
  INDEX batches batch_id TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(occurred_at < toDateTime64('2020-01-01 00:00:00', 3, 'UTC'), toYear(occurred_at), toYYYYMM(occurred_at))
PRIMARY KEY (app_id, toDate(occurred_at), event)
ORDER BY (app_id, toDate(occurred_at), event, user_key, id)
SETTINGS non_replicated_deduplication_window = ${REMEMBERED_INSERTS}, fsync_after_insert = 1, fsync_part_directory = 1`;

/** Oldest first. */
export const READ_MODEL_MIGRATIONS: readonly ReadModelMigration[] = [{ name: '0001-events', statements: [EVENTS] }];
