import type { DataSource } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import { formatUuid, lowestId } from '../../events/event-id.js';
import { EVENTS, type EventTable } from '../copy-targets.js';
import { leftOut } from './left-out.js';
import type { ReadModelStore } from '../read-model-store.js';
import { uint128Field } from '../schema/tab-separated.js';
import { SqlValues } from '../sql-values.js';

/** A transaction takes less: whatever it stored has been committed by then, or never will be. */
const SETTLED_MS = 60_000;

const APPS = 'SELECT app_id AS app FROM events GROUP BY app_id';
const OUTBOX = 'SELECT LOWER(HEX(batch_id)) AS batchId FROM outbox';
/** The last 8 bytes of an id are random but for three bits: their XOR tells sets of one size apart. */
const MYSQL = `SELECT YEAR(occurred_at) * 100 + MONTH(occurred_at) AS month, COUNT(*) AS events,
  BIT_XOR(CAST(CONV(HEX(SUBSTRING(id, 9)), 16, 10) AS UNSIGNED)) AS checksum
FROM events WHERE app_id = ? AND batch_id < ? AND batch_id NOT IN (?)
  AND id >= ? AND NOT (id > ? AND received_at < ?) GROUP BY month`;
const copiedApps = (table: EventTable): string =>
  `SELECT replaceAll(toString(app_id), '-', '') AS app FROM ${table} GROUP BY app_id`;
const copiedMonths = (table: EventTable): string => `SELECT toYYYYMM(occurred_at) AS month, toString(count()) AS events,
  toString(groupBitXor(toUInt64(bitAnd(id, 18446744073709551615)))) AS checksum
FROM ${table} WHERE app_id = toUUID({app:String}) AND batch_id < {before:UInt128} AND id >= {lowest:UInt128}
  AND NOT (id > {highest:UInt128} AND received_at < fromUnixTimestamp64Milli({received:Int64})) AND batch_id NOT IN `;

const NO_BATCH = '0'.repeat(32);

interface Sum {
  month: number | string;
  events: string;
  checksum: string;
}

/**
 * Compares the read model with MySQL by the number of events and a checksum of their ids, for each app and month. Leaves out
 * what is in the outbox, what was committed in the last minute, what has expired, and apps in which something is being erased.
 * @param difference called with a line for each month of an app that differs
 * @returns how many months of apps were compared
 */
export async function compareWithMysql(
  dataSource: DataSource,
  store: ReadModelStore,
  difference: (line: string) => void,
  table: EventTable = EVENTS,
  signal?: AbortSignal,
): Promise<number> {
  const outbox: { batchId: string }[] = await dataSource.query(OUTBOX);
  // Of no batch: a list is never empty.
  const left = [NO_BATCH, ...outbox.map(({ batchId }) => batchId)];
  const now = Date.now();
  // Ids of batches tell their time as ids of events do.
  const before = lowestId(now - SETTLED_MS).toString('hex');
  const out = await leftOut(dataSource, now);
  const apps = new Set(((await dataSource.query(APPS)) as { app: Buffer }[]).map(({ app }) => app.toString('hex')));
  for (const { app } of await store.ask<{ app: string }>(copiedApps(table))) apps.add(app);
  for (const app of out.apps) apps.delete(app);
  let compared = 0;
  for (const app of apps) {
    signal?.throwIfAborted();
    const { lowestId: lowest, highestId: highest, receivedFrom } = out.keptOf(app);
    const stored: Sum[] = await dataSource.query(MYSQL, [
      binary(app),
      binary(before),
      binaries(left),
      ...[binary(lowest), binary(highest), new Date(receivedFrom)],
    ]);
    const values = new SqlValues();
    const query = `${copiedMonths(table) + values.uint128s(left)} GROUP BY month`;
    const copied = await store.ask<Sum>(query, {
      ...{ ...values.params, app: formatUuid(app), before: uint128Field(before) },
      ...{ lowest: uint128Field(lowest), highest: uint128Field(highest), received: String(receivedFrom) },
    });
    const months = new Set([...stored, ...copied].map(({ month }) => Number(month)));
    for (const month of [...months].sort()) {
      compared += 1;
      const [one, other] = [stored, copied].map((sums) => sums.find((sum) => Number(sum.month) === month));
      if (one?.events === other?.events && one?.checksum === other?.checksum) continue;
      const [inMysql, inClickhouse] = [one?.events ?? '0', other?.events ?? '0'];
      difference(
        `read model: app ${formatUuid(app)}, month ${month}: ${inMysql} events in MySQL, ${inClickhouse} in ClickHouse`,
      );
    }
  }
  return compared;
}
