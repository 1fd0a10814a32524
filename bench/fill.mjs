import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { accepted, DAY_MS, DAYS, FIRST_DAY, random, SHARES, USERS } from './dataset.mjs';
import { eventLine, LOAD_EVENTS, sqlTime } from './event-file.mjs';

const QUARTER_MS = 900_000;
const ROWS_AT_ONCE = 5000;
const COUNTED = ['events', 'event_summary', 'user_analytics', 'ingest_batches', 'ingest_claims'];

/**
 * Fills the tables with the dataset as workers would have left them, but many times faster: rows by LOAD DATA,
 * rollups summed while the rows are made.
 * @param apps ids (32 hex digits), the largest first @param events of the largest
 */
export async function fill(bench, { apps, events, progress }) {
  const { userKey } = await import('#dist/events/distinct-user.js');
  const keys = Array.from({ length: USERS }, (_none, i) => userKey('user', `user-${i}`));
  const numberOf = (value) => Number(value.slice(5));
  const { db } = bench;
  // A worker makes the months when it starts.
  await (await bench.worker()).stop();
  // What other parts have left behind.
  for (const table of COUNTED) await db.query(`TRUNCATE TABLE ${table}`);
  await db.query('SET SESSION unique_checks = 0, SESSION foreign_key_checks = 0');
  let loaded = Promise.resolve();
  let total = 0;
  for (const [index, appId] of apps.entries()) {
    const next = random(index + 1);
    const app = Buffer.from(appId, 'hex');
    const perDay = Math.round((events * SHARES[index]) / DAYS);
    const people = new Map();
    for (let day = 0; day < DAYS;) {
      const file = join(bench.folder, `rows-${index}-${day}.tsv`);
      const out = createWriteStream(file);
      /** @type {unknown[][]} */
      const cells = [];
      // Some weeks a file.
      for (const end = Math.min(day + 28, DAYS); day < end; day += 1) {
        const from = FIRST_DAY + day * DAY_MS;
        const times = Array.from({ length: perDay }, () => from + Math.floor(next() * DAY_MS)).sort((a, b) => a - b);
        const quarters = new Map();
        for (const [n, at] of times.entries()) {
          const event = accepted(next, at, appId, `${day} ${n}`);
          const user = numberOf(event.userValue);
          const quarter = Math.floor(at / QUARTER_MS);
          for (const name of ['', event.event]) {
            const key = `${name}\0${quarter}`;
            quarters.set(key, (quarters.get(key) ?? 0) + 1);
          }
          const person = people.get(user);
          if (person) Object.assign(person, { n: person.n + 1, last: at, id: event.id });
          else people.set(user, { n: 1, first: at, last: at, id: event.id });
          if (!out.write(`${eventLine(event, keys[user])}\n`)) await once(out, 'drain');
        }
        total += perDay;
        for (const [key, n] of quarters) {
          const [name, quarter] = key.split('\0');
          cells.push([app, name, Number(quarter), 'mobile', n]);
        }
      }
      out.end();
      await once(out, 'close');
      await loaded;
      progress(total);
      loaded = load(db, file, cells);
    }
    await loaded;
    const rows = [...people].map(([user, { n, first, last, id }]) => [
      ...[app, keys[user], 'user', `user-${user}`, n, sqlTime(first), sqlTime(last), Buffer.from(id, 'hex')],
      ...['mobile', 'Chrome', 'Android', '192.168.1.1'],
    ]);
    rows.sort((a, b) => Buffer.compare(a[1], b[1]));
    const columns =
      'app_id, user_key, user_kind, user_value, total_events, first_seen, last_seen, last_id, device, browser, os, ip';
    await insert(db, `user_analytics (${columns})`, rows);
  }
  await db.query('SET SESSION unique_checks = 1, SESSION foreign_key_checks = 1');
  await db.query('ANALYZE TABLE events, event_summary, user_analytics');
  return total;
}

async function load(db, file, cells) {
  await db.query(LOAD_EVENTS(file));
  rmSync(file);
  await insert(db, 'event_summary', cells.sort(byKey));
}

function byKey(a, b) {
  return Buffer.compare(Buffer.from(a[1]), Buffer.from(b[1])) || a[2] - b[2];
}

async function insert(db, table, rows, atOnce = ROWS_AT_ONCE) {
  for (let at = 0; at < rows.length; at += atOnce) {
    await db.query(`INSERT INTO ${table} VALUES ?`, [rows.slice(at, at + atOnce)]);
  }
}
