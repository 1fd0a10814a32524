import { request } from 'node:http';
import { join } from 'node:path';
import { createWriteStream, rmSync } from 'node:fs';
import { once } from 'node:events';
import { accepted, LAST_DAY, DAY_MS, random } from '../../dataset.mjs';
import { eventLine, LOAD_EVENTS } from '../../event-file.mjs';
import { fill } from '../../fill.mjs';
import { copyIsComplete } from '../../read-model/caught-up.mjs';
import { Bystander, bystanderRows } from '../bystander.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'questions';

const FULL = { events: 900_000, live: 800_000, apps: 1000, series: 200, receipts: 100, ms: 10_000 };
const SHORT = { events: 36_500, live: 20_000, apps: 1000, series: 100, receipts: 50, ms: 2000 };
const LIVE_MS = 30 * 60_000;
const STREAMS = 20;
const BREAKDOWNS = 12;
const WARM_UP = 30;
const HUNG_UP_AFTER_MS = 300;

/** Questions of one account, more and heavier than it should ask, while another goes on with its work. */
export async function* rows(bench, { short }) {
  const scale = short ? SHORT : FULL;
  await bench.startEngine();
  const server = await bench.localApi();
  const attacker = await Tenant.signIn(server, 'flood@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  await fill(bench, { apps: [attacker.app], events: scale.events, progress: () => {} });
  const worker = await bench.worker();
  await copyIsComplete(bench);
  const during = (flood) => Bystander.during(other, flood, scale.ms);

  const series = seriesOf(attacker);
  // Compiled code and open connections, as a service has them that has run for a while.
  await all(server, series, WARM_UP, attacker);
  await during(() => abandoned(server, series, WARM_UP, attacker));
  yield* bystanderRows(
    `${scale.series} abandoned series`,
    await during(() => abandoned(server, series, scale.series, attacker)),
  );
  yield* bystanderRows(
    `${BREAKDOWNS} heavy breakdowns`,
    await during(() => all(server, breakdownOf(attacker), BREAKDOWNS, attacker)),
  );

  await fillLastMinutes(bench, attacker, scale.live);
  yield* bystanderRows(`${STREAMS} live streams`, await during(() => streams(server, attacker, scale.ms)));

  await addApps(bench, attacker, scale.apps - 1);
  const receipt = '/api/analytics/events/01893d5c-0000-7000-8000-000000000000/receipt';
  yield* bystanderRows(
    `${scale.receipts} receipts of ${scale.apps} apps`,
    await during(() => all(server, receipt, scale.receipts, attacker)),
  );
  await worker.stop();
  await server.stop();
}

const day = (n) => new Date(LAST_DAY - n * DAY_MS).toISOString().slice(0, 10);

/** As heavy as one series may be: ten names, hour by hour, compared. */
function seriesOf({ appId }) {
  const names = Array.from({ length: 10 }, (_none, i) => `event=event_${i + 1}`).join('&');
  return `/api/analytics/series?app_id=${appId}&startDate=${day(40)}&endDate=${day(0)}&interval=hour&compare=previous&${names}`;
}

/** Of as many events as are looked at one by one. */
function breakdownOf({ appId }) {
  return `/api/analytics/breakdown?app_id=${appId}&by=metadata.screenSize&startDate=${day(95)}&endDate=${day(0)}`;
}

/** @returns the status once all is answered; undefined when the connection was closed before */
function ask(server, path, { bearer }, hangUpAfterMs) {
  return new Promise((resolve) => {
    let status;
    const ended = () => resolve(status);
    const sent = request(server.url + path, { headers: bearer, agent: false }, (answer) => {
      status = answer.statusCode;
      answer
        .on('error', () => undefined)
        .on('close', ended)
        .resume();
    });
    sent.on('error', ended).end();
    if (hangUpAfterMs !== undefined) setTimeout(() => sent.destroy(), hangUpAfterMs);
  });
}

/** @throws Error when it was no attack, since the question is wrong */
async function all(server, path, count, attacker, hangUpAfterMs) {
  const asked = Array.from({ length: count }, () => ask(server, path, attacker, hangUpAfterMs));
  const statuses = await Promise.all(asked);
  const wrong = statuses.find((status) => [400, 401, 403].includes(status));
  if (wrong) throw new Error(`${path}: ${wrong}`);
}

const abandoned = (server, path, count, attacker) => all(server, path, count, attacker, HUNG_UP_AFTER_MS);

const streams = (server, attacker, ms) =>
  all(server, `/api/analytics/live?app_id=${attacker.appId}`, STREAMS, attacker, ms);

async function fillLastMinutes(bench, { app }, count) {
  const { userKey } = await import('#dist/events/distinct-user.js');
  const file = join(bench.folder, 'last-minutes.tsv');
  const out = createWriteStream(file);
  const next = random(7);
  const from = Date.now() - LIVE_MS;
  for (let i = 0; i < count; i += 1) {
    const event = accepted(next, from + Math.floor((i * LIVE_MS) / count), app, `live ${i}`);
    if (!out.write(`${eventLine(event, userKey('user', event.userValue))}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  await bench.db.query(LOAD_EVENTS(file));
  rmSync(file);
}

async function addApps(bench, { ownerId }, count) {
  const rows = Array.from({ length: count }, (_none, i) => {
    const id = Buffer.alloc(16, 1);
    id.writeUInt32BE(i, 12);
    return [id, ownerId, `App ${i}`];
  });
  await bench.db.query('INSERT INTO apps (id, owner_id, name) VALUES ?', [rows]);
}
