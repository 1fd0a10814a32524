import type { ReadModelStore } from '../read-model-store.js';

/** ClickHouse stores rows that it has already stored under the same token. Any event could be counted twice. */
export class KeepsDuplicatesError extends Error {
  constructor() {
    super(
      'ClickHouse stores rows twice when they are sent twice: the table `events` does not remember the tokens of inserts. ' +
        'Set non_replicated_deduplication_window = 10000 on it (replicated_deduplication_window where it is replicated), or ' +
        'drop the database: it is then filled again from MySQL. Nothing is copied until then.',
    );
    this.name = 'KeepsDuplicatesError';
  }
}

const DROP = 'DROP TABLE IF EXISTS deduplication_probe SYNC';
/** It has the engine and the settings of the table whose inserts must not count twice. */
const MAKE = 'CREATE TABLE deduplication_probe AS events';
const COUNT = 'SELECT count() AS n FROM deduplication_probe';

/**
 * Sends a row twice under one token, into a table like `events`, and counts what is stored. Exactly-once copying relies on that. A
 * setting of the server, or a table that was restored by hand, can switch it off.
 * @throws KeepsDuplicatesError, errors of ClickHouse
 */
export async function probeDeduplication(store: ReadModelStore): Promise<void> {
  for (const query of [DROP, MAKE]) await store.client.command({ query });
  for (let time = 0; time < 2; time += 1) {
    await store.insertLines('deduplication_probe', ['app_id'], ['00000000-0000-0000-0000-000000000000\n'], 'probe');
  }
  const [row] = await store.ask<{ n: string }>(COUNT);
  await store.client.command({ query: DROP });
  if (Number(row!.n) !== 1) throw new KeepsDuplicatesError();
}
