import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { accepted, DAY_MS, LAST_DAY, random, SHARES } from './dataset.mjs';
import { eventLine, LOAD_EVENTS, sqlTime } from './event-file.mjs';
import { rounds } from './rounds.mjs';

export const CHUNK = 2000;
const WEIGHT = SHARES.reduce((sum, share) => sum + share, 0);

/** From claim to commit, against LOAD DATA of the same rows and the same rollup statements from prepared tables. */
export async function benchWorker(bench, { apps, chunks, times, progress }) {
  const make = maker(apps);
  const floor = await Floor.open(bench);
  try {
    const one = await rounds(
      {
        floor: () => floor.measure(make(chunks * CHUNK)),
        product: () => drain(bench, make(chunks * CHUNK), 1),
      },
      times,
      progress,
    );
    const two = await rounds(
      {
        one: () => drain(bench, make(chunks * CHUNK), 1),
        two: () => drain(bench, make(chunks * CHUNK), 2),
      },
      times,
      progress,
    );
    return { one, two };
  } finally {
    await floor.close();
  }
}

/** Events of the day after the dataset's last, in the order in which they are received. */
export function maker(apps) {
  const next = random(99);
  let made = 0;
  return (count) =>
    Array.from({ length: count }, () => {
      made += 1;
      const at = LAST_DAY + DAY_MS + Math.floor((made * 7) % (DAY_MS / 2));
      let pick = next() * WEIGHT;
      const app = apps.find((_app, i) => (pick -= SHARES[i]) < 0) ?? apps[0];
      return accepted(next, at, app, `fresh ${made}`);
    });
}

/** Puts events, as collect accepts them, into the buffer. */
export async function intoBuffer({ redis }, events) {
  const { encodeEnvelope } = await import('#dist/events/envelope.js');
  const { BufferKeys } = await import('#dist/buffer/buffer-keys.js');
  const { BufferWriter } = await import('#dist/buffer/buffer-writer.js');
  const unlimited = { bufferMaxBytes: Number.MAX_SAFE_INTEGER, bufferAccountShare: 100 };
  // All that the writer asks of the settings.
  const env = /** @type {import('#dist/config/env.js').Env} */ (/** @type {unknown} */ (unlimited));
  const buffer = new BufferWriter(redis, new BufferKeys('tallystone:'), env);
  const texts = events.map(encodeEnvelope);
  for (let at = 0; at < texts.length; at += 1000) {
    await buffer.append('bench', texts.slice(at, at + 1000), Date.now());
  }
}

/** @returns events a second, by the commits in the ledger */
async function drain(bench, events, workers) {
  const { db } = bench;
  await db.query('DELETE FROM ingest_batches');
  await intoBuffer(bench, events);
  const running = await Promise.all(Array.from({ length: workers }, () => bench.worker()));
  let stored = 0;
  while (stored < events.length) {
    await wait(200);
    stored = Number((await db.query('SELECT SUM(received) AS n FROM ingest_batches'))[0][0].n);
  }
  for (const worker of running) await worker.stop();
  // The first third is for getting warm: the floor's statements have no compiler to warm up.
  const [commits] = await db.query('SELECT received, committed_at AS time FROM ingest_batches ORDER BY committed_at');
  const begin = Math.ceil(commits.length / 3);
  const seconds = (commits.at(-1).time - commits[begin].time) / 1000;
  const counted = commits.slice(begin + 1).reduce((sum, { received }) => sum + received, 0);
  return { perSecond: counted / seconds };
}

/** LOAD DATA of the rows, and the rollups from prepared tables. */
export class Floor {
  constructor(bench, db) {
    this.bench = bench;
    this.db = db;
  }

  /** A session like the worker's, and tables like the rollups with the number of the chunk in front. */
  static async open(bench) {
    const db = await mysql.createConnection({
      socketPath: bench.socket,
      user: 'root',
      database: 'tallystone',
      timezone: 'Z',
    });
    await db.query("SET SESSION time_zone = '+00:00'");
    await db.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    for (const table of ROLLUPS) {
      await db.query(`CREATE TABLE staging_${table} AS SELECT 0 AS chunk, t.* FROM ${table} t WHERE FALSE`);
      await db.query(`ALTER TABLE staging_${table} ADD KEY (chunk)`);
    }
    return new Floor(bench, db);
  }

  async measure(events) {
    const chunks = await this.#prepare(events);
    const begun = performance.now();
    for (const { file, chunk } of chunks) {
      await this.db.query('START TRANSACTION');
      await this.db.query(LOAD_EVENTS(file));
      for (const statement of STATEMENTS) await this.db.query(statement, [chunk]);
      await this.db.query('COMMIT');
    }
    const seconds = (performance.now() - begun) / 1000;
    for (const { file } of chunks) rmSync(file);
    return { perSecond: events.length / seconds };
  }

  async #prepare(events) {
    const { sumRollups } = await import('#dist/processing/rollup-sums.js');
    const { userKey } = await import('#dist/events/distinct-user.js');
    for (const table of ROLLUPS) await this.db.query(`TRUNCATE TABLE staging_${table}`);
    const chunks = [];
    for (let at = 0; at < events.length; at += CHUNK) {
      const chunk = at / CHUNK;
      const part = events.slice(at, at + CHUNK).sort((a, b) => (a.appId + a.id < b.appId + b.id ? -1 : 1));
      const file = join(this.bench.folder, `chunk-${chunk}.tsv`);
      const lines = part.map((e) => eventLine(e, userKey(e.userKind, e.userValue)));
      writeFileSync(file, `${lines.join('\n')}\n`);
      const { summary, people } = sumRollups(part);
      const hex = (id) => Buffer.from(id, 'hex');
      const rows = {
        event_summary: summary.map((c) => [chunk, hex(c.appId), c.event, c.quarter, c.device, c.n]),
        user_analytics: people.map((c) => [
          ...[chunk, hex(c.appId), hex(c.userKey), c.userKind, c.userValue, c.totalEvents, sqlTime(c.firstSeen)],
          ...[sqlTime(c.lastSeen), hex(c.lastId), c.device, c.browser, c.os, c.ip],
        ]),
      };
      for (const table of ROLLUPS) await this.db.query(`INSERT INTO staging_${table} VALUES ?`, [rows[table]]);
      chunks.push({ chunk, file });
    }
    return chunks;
  }

  async close() {
    for (const table of ROLLUPS) await this.db.query(`DROP TABLE staging_${table}`);
    await this.db.end();
  }
}

const ROLLUPS = ['event_summary', 'user_analytics'];

const NEWER = `VALUES(last_seen) > user_analytics.last_seen
  OR (VALUES(last_seen) = user_analytics.last_seen AND VALUES(last_id) > user_analytics.last_id)`;
const newest = (column) => `${column} = IF(${NEWER}, VALUES(${column}), user_analytics.${column})`;
/** What the worker's rollup repository runs, with a prepared table instead of the values. */
const STATEMENTS = [
  `INSERT INTO event_summary SELECT app_id, event, quarter, device, n FROM staging_event_summary s WHERE chunk = ?
  ON DUPLICATE KEY UPDATE n = event_summary.n + VALUES(n)`,
  `INSERT INTO user_analytics SELECT app_id, user_key, user_kind, user_value, total_events, first_seen, last_seen, last_id,
    device, browser, os, ip FROM staging_user_analytics s WHERE chunk = ?
  ON DUPLICATE KEY UPDATE total_events = user_analytics.total_events + VALUES(total_events),
    first_seen = LEAST(user_analytics.first_seen, VALUES(first_seen)),
    ${['device', 'browser', 'os', 'ip', 'last_id'].map(newest).join(', ')},
    last_seen = GREATEST(user_analytics.last_seen, VALUES(last_seen))`,
];
