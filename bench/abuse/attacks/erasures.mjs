import { setTimeout as wait } from 'node:timers/promises';
import { fill } from '../../fill.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'erasures';

const FULL = { events: 900_000, orders: 50, waiting: 900 };
const SHORT = { events: 36_500, orders: 20, waiting: 100 };
const LOOK_EVERY_MS = 50;
const WITHIN_MS = 600_000;
/** Beside one busy account, another has half the time of the worker that erases. */
const TIMES_ALONE = 2;
const TO_SPARE_MS = 1500;

/** Many people of a large app are erased while another account erases a person, and then an app. */
export async function* rows(bench, { short }) {
  const scale = short ? SHORT : FULL;
  const server = await bench.localApi();
  const attacker = await Tenant.signIn(server, 'flood@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  await fill(bench, { apps: [attacker.app], events: scale.events, progress: () => {} });
  const worker = await bench.worker();
  await sendEvents(bench, other, 200);
  const people = await bench.db
    .query('SELECT user_value AS id FROM user_analytics WHERE app_id = ? ORDER BY user_key LIMIT ?', [
      Buffer.from(attacker.app, 'hex'),
      scale.orders + scale.waiting,
    ])
    .then(([found]) => found.map(({ id }) => id.toString()));

  const alone = await timeOf(other, () => erasePerson(other, 'user-0'));
  const begun = performance.now();
  const flood = [];
  for (const person of people.splice(0, scale.orders)) flood.push(await erasePerson(attacker, person));
  const beside = await timeOf(other, () => erasePerson(other, 'user-1'));
  yield row(`another's erasure beside ${scale.orders} orders on ${scale.events} events`, beside, alone);
  for (const order of flood) await done(attacker, order);
  const took = Math.round((performance.now() - begun) / 1000);
  yield { name: `the ${scale.orders} orders themselves`, measured: `${took} s`, bar: '≤ 60 s', met: took <= 60 };

  const waiting = [];
  for (const person of people) waiting.push(await erasePerson(attacker, person));
  const app = await timeOf(other, () => other.api.delete(`/api/apps/${other.appId}`));
  yield row(`another's deletion of an app beside ${scale.waiting} orders`, app, alone);
  // Or the next attack begins with a worker that is busy.
  for (const order of waiting) await done(attacker, order);
  await worker.stop();
  await server.stop();
}

function row(what, ms, alone) {
  const bar = TIMES_ALONE * alone + TO_SPARE_MS;
  const seconds = (time) => `${(time / 1000).toFixed(1)} s`;
  const limit = `≤ ${seconds(bar)}: ${TIMES_ALONE} × alone (${seconds(alone)}) + ${seconds(TO_SPARE_MS)}`;
  return { name: what, measured: seconds(ms), bar: limit, met: ms <= bar };
}

function erasePerson({ api, appId }, person) {
  return api.delete(`/api/apps/${appId}/users/${encodeURIComponent(person)}`);
}

/** @returns ms from the order to its end */
async function timeOf(tenant, order) {
  const begun = performance.now();
  await done(tenant, await order());
  return performance.now() - begun;
}

async function done({ api }, { erasureId }) {
  const deadline = performance.now() + WITHIN_MS;
  while ((await api.get(`/api/erasures/${erasureId}`)).stage !== 'done') {
    if (performance.now() > deadline) throw new Error('The erasure does not end');
    await wait(LOOK_EVERY_MS);
  }
}

/** Stored events of two users. */
async function sendEvents(bench, tenant, count) {
  const events = Array.from({ length: count }, (_none, i) => ({ event: 'seen', userId: `user-${i % 2}` }));
  const { status } = await tenant.collect('/batch', { events });
  if (status !== 202) throw new Error(`Collect answered ${status}`);
  const stored = 'SELECT COUNT(*) AS n FROM events WHERE app_id = ?';
  const deadline = performance.now() + WITHIN_MS;
  while (Number((await bench.db.query(stored, [Buffer.from(tenant.app, 'hex')]))[0][0].n) < count) {
    if (performance.now() > deadline) throw new Error('The events are not stored');
    await wait(LOOK_EVERY_MS);
  }
}
