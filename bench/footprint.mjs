import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ROOT } from '../scripts/launcher/settings.mjs';
import { load } from './load.mjs';
import { samplePayload } from './payload.mjs';
import { median } from './rounds.mjs';
import { freePort } from './workbench.mjs';

const EMPTY_APP = join('bench', 'floors', 'empty-app.mjs');

/** Memory under the same load: an empty app, and API and worker while events flow through them. */
export async function benchMemory(bench, { apiKey, minutes, progress }) {
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  const body = JSON.stringify(samplePayload('user-1'));
  // A steady 1,000 requests a second, so that nothing is held up and everything passes through the worker.
  const steady = (url, seconds, status) =>
    load({ url: `${url}/collect`, connections: 16, seconds, status, method: 'POST', headers, body, overallRate: 1000 });
  const empty = await bench.serve(EMPTY_APP);
  await steady(empty.url, 30, 201);
  const floor = empty.rss();
  await empty.stop();
  const [api, worker] = [await bench.api(), await bench.worker()];
  const seen = [];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await steady(api.url, 60, 202);
    seen.push({ api: api.rss(), worker: worker.rss() });
    progress(
      `minute ${minute}: API ${mib(api.rss())} MiB, worker ${mib(worker.rss())} MiB, empty app ${mib(floor)} MiB`,
    );
  }
  await worker.stop();
  await api.stop();
  await bench.emptyBuffer();
  return { floor, first: seen[Math.floor(seen.length / 2)], last: seen.at(-1) };
}

/** Redis: what pending events take, against their JSON. MySQL: all tables, against one of the same rows with its key alone. */
export async function benchSize(bench, { apiKey, progress }) {
  const { redis, db } = bench;
  const api = await bench.api();
  await bench.emptyBuffer();
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const before = await used();
  let json = 0;
  for (let n = 0; n < 300; n += 1) {
    const events = Array.from({ length: 100 }, (_none, i) => samplePayload(`user-${n * 100 + i}`));
    json += events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0);
    const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
    await fetch(`${api.url}/collect/batch`, { method: 'POST', headers, body: JSON.stringify({ events }) });
  }
  const inRedis = (await used()) - before;
  await api.stop();
  await bench.emptyBuffer();
  return { json, inRedis, ...(await tableBytes(db, progress)) };
}

/** All tables and their indexes, against one table of the events with its key alone. @returns bytes */
export async function tableBytes(db, progress) {
  progress('copying the events into a table with its key alone');
  await db.query('CREATE TABLE events_alone LIKE events');
  await db.query('ALTER TABLE events_alone DROP KEY events_user');
  const [partitions] = await db.query(
    "SELECT partition_name AS name FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name = 'events'",
  );
  for (const { name } of partitions)
    await db.query(`INSERT INTO events_alone SELECT * FROM events PARTITION (${name})`);
  await db.query('ANALYZE TABLE events, events_alone, event_summary, user_analytics');
  const [tables] = await db.query(
    `SELECT table_name AS name, CAST(data_length + index_length AS CHAR) AS bytes FROM information_schema.tables
    WHERE table_schema = DATABASE()`,
  );
  await db.query('DROP TABLE events_alone');
  const bytes = Object.fromEntries(tables.map(({ name, bytes: size }) => [name, Number(size)]));
  const { events_alone: alone, ...all } = bytes;
  return { alone, all: Object.values(all).reduce((sum, size) => sum + size, 0), tables: all };
}

/** A second `npm start`, from the command to ready, against the boot of an empty app. @returns ms */
export async function benchStart(bench, { times, progress }) {
  const env = { ...bench.env, PORT: String(await freePort()), DATA_DIR: join(bench.folder, 'started') };
  delete env.DATABASE_URL;
  delete env.REDIS_URL;
  await started(env);
  /** @type {Record<'floor' | 'product', number[]>} */
  const found = { floor: [], product: [] };
  for (let n = 0; n < times; n += 1) {
    const empty = await bench.serve(EMPTY_APP);
    await empty.stop();
    const productMs = await started(env);
    found.floor.push(empty.bootMs);
    found.product.push(productMs);
    progress(`${n + 1}/${times} empty app ${Math.round(empty.bootMs)} ms, npm start ${Math.round(productMs)} ms`);
  }
  return { floor: median(found.floor), product: median(found.product) };
}

async function started(env) {
  const begun = performance.now();
  const child = spawn(process.execPath, [join('scripts', 'start.mjs')], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ms = await new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`npm start ended with exit code ${code}`)));
    child.stdout.on('data', (text) => String(text).includes('ready http') && resolve(performance.now() - begun));
  });
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
  await wait(100);
  return ms;
}

export function mib(bytes) {
  return Math.round(bytes / 1024 / 1024);
}
