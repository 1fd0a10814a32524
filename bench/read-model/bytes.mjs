import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { tableBytes } from '../footprint.mjs';

const LOOK_EVERY_MS = 500;
const PARTS = `SELECT toString(sum(bytes_on_disk)) AS bytes, toString(sum(rows)) AS events FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'events'`;

/** What an event takes in MySQL and in ClickHouse, and what a rebuild takes beside that. */
export async function benchBytes(bench, engine, { progress }) {
  const mysql = await tableBytes(bench.db, progress);
  const client = engine.client('copying');
  const answer = await client.query({ query: PARTS, format: 'JSONEachRow' });
  const [parts] = /** @type {{ bytes: string, events: string }[]} */ (await answer.json());
  await client.close();
  const clickhouse = { bytes: Number(parts?.bytes), events: Number(parts?.events) };
  progress('rebuilding the copy');
  return { mysql, clickhouse, rebuild: await rebuild(bench, engine) };
}

async function rebuild(bench, engine) {
  const completeAt = async () => {
    const [[row]] = await bench.db.query('SELECT CAST(complete_at AS CHAR) AS at FROM read_model WHERE id = 1');
    return row.at;
  };
  const before = { bytes: diskUsed(engine.folder), at: await completeAt() };
  const worker = await bench.worker();
  const begun = performance.now();
  await bench.run('projection', 'rebuild');
  let highest = before.bytes;
  while ((await completeAt()) === before.at) {
    await wait(LOOK_EVERY_MS);
    highest = Math.max(highest, diskUsed(engine.folder));
  }
  const seconds = (performance.now() - begun) / 1000;
  await worker.stop();
  return { before: before.bytes, highest, seconds };
}

/** @returns bytes; files that go meanwhile count as none */
function diskUsed(folder) {
  let sum = 0;
  for (const name of attempt(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
    const path = join(folder, name.name);
    sum += name.isDirectory() ? diskUsed(path) : (attempt(() => lstatSync(path))?.blocks ?? 0) * 512;
  }
  return sum;
}

function attempt(look) {
  try {
    return look();
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
