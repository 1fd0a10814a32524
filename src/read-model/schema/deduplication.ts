import { DEDUPLICATION_PROBE } from '../copy-targets.js';
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

const COUNT = `SELECT count() AS n FROM ${DEDUPLICATION_PROBE}`;
const NO_APP = '00000000-0000-0000-0000-000000000000';
/** Of as many users that each shard of a cluster takes one. */
const LINES = Array.from({ length: 200 }, (_none, user) => `${NO_APP}\t${user}\n`);

/**
 * Sends rows twice under one token, into a table like `events`, and counts what is stored. Exactly-once copying relies on that. A
 * setting of the server, or a table that was restored by hand, can switch it off.
 * @throws KeepsDuplicatesError, errors of ClickHouse
 */
export async function probeDeduplication(store: ReadModelStore): Promise<void> {
  const { makeProbe, dropProbe } = store.topology;
  await store.run([...dropProbe, ...makeProbe]);
  for (let time = 0; time < 2; time += 1) {
    await store.insertLines(DEDUPLICATION_PROBE, ['app_id', 'user_key'], LINES, 'probe');
  }
  const [row] = await store.ask<{ n: string }>(COUNT);
  await store.run(dropProbe);
  if (Number(row!.n) !== LINES.length) throw new KeepsDuplicatesError();
}
