import { setTimeout as wait } from 'node:timers/promises';
import { Stream } from './stream.mjs';

const LOOK_EVERY_MS = 200;
/** What has waited for less is on its usual way, seconds. */
const USUAL_S = 2;
const BEHIND = `SELECT COUNT(*) AS n FROM outbox WHERE committed_at < NOW(3) - INTERVAL ${USUAL_S} SECOND`;
const STORED = 'SELECT COALESCE(SUM(inserted), 0) AS stored FROM ingest_batches WHERE committed_at >= ?';
const SIZE = `SELECT data_length + index_length AS bytes FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_name = 'outbox'`;

/** The engine away for some time while events arrive, then back. @param half events a second @param seconds of the outage */
export async function benchOutage(bench, engine, { who, half, outage: seconds, progress }) {
  const { db } = bench;
  const [[{ since }]] = await db.query('SELECT UTC_TIMESTAMP(3) AS since');
  const [api, worker] = [await bench.localApi(), await bench.worker()];
  const stream = new Stream({ url: api.url, apiKey: who.apiKey, perSecond: half });
  while ((await storedSince(db, since)) === 0) await wait(LOOK_EVERY_MS);
  await wait((seconds * 1000) / 10);
  await engine.stop();
  const begun = performance.now();
  progress(`the engine is down for ${seconds} s`);
  await wait(seconds * 1000);
  await db.query('ANALYZE TABLE outbox');
  const [[{ bytes }]] = await db.query(SIZE);
  const [[{ events }]] = await db.query('SELECT COALESCE(SUM(LENGTH(event_ids) DIV 16), 0) AS events FROM outbox');
  await engine.start();
  const down = (performance.now() - begun) / 1000;
  const back = performance.now();
  while (await isBehind(db)) {
    await wait(LOOK_EVERY_MS);
    // More than this is missed anyway.
    if (performance.now() - back > (down + 60) * 2000) break;
  }
  const caughtUp = (performance.now() - back) / 1000;
  const perSecond = await stream.stop();
  progress(`caught up ${caughtUp.toFixed(1)} s after it was back; ${events} events had waited`);
  const counts = await settled(bench, engine, since, stream.accepted);
  await worker.stop();
  await api.stop();
  return {
    ...{ down, caughtUp, perSecond, statuses: stream.statuses, accepted: stream.accepted, ...counts },
    outbox: { events: Number(events), bytes: Number(bytes) },
  };
}

async function isBehind(db) {
  const [[{ n }]] = await db.query(BEHIND);
  return Number(n) > 0;
}

async function storedSince(db, since) {
  const [[{ stored }]] = await db.query(STORED, [since]);
  return Number(stored);
}

/** Waits until all is stored and copied. @returns events of the outage in MySQL and in ClickHouse */
async function settled({ db }, engine, since, accepted) {
  const client = engine.client('copying');
  const deadline = performance.now() + 600_000;
  for (;;) {
    const answer = await client.query({
      query: 'SELECT count() AS n FROM events WHERE received_at >= fromUnixTimestamp64Milli({since:Int64})',
      query_params: { since: String(since.getTime()) },
      format: 'JSONEachRow',
    });
    const [{ n }] = /** @type {{ n: string }[]} */ (await answer.json());
    const counts = { stored: await storedSince(db, since), copied: Number(n) };
    if ((counts.stored >= accepted && counts.copied >= counts.stored) || performance.now() > deadline) {
      await client.close();
      return counts;
    }
    await wait(LOOK_EVERY_MS);
  }
}
