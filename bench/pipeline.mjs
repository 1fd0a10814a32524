import { setTimeout as wait } from 'node:timers/promises';
import { EVENT_NAMES, random, USERS } from './dataset.mjs';
import { samplePayload } from './payload.mjs';
import { percentile } from './rounds.mjs';

const BATCH = 100;

/** API, worker and MySQL together, for a while at a constant rate. @param perSecond events */
export async function benchPipeline(bench, { apiKey, perSecond, seconds, progress }) {
  const [api, worker] = [await bench.api(), await bench.worker()];
  const next = random(11);
  const batch = () =>
    JSON.stringify({
      events: Array.from({ length: BATCH }, () => ({
        ...samplePayload(`user-${Math.floor(next() * USERS)}`),
        event: EVENT_NAMES[Math.floor(next() ** 2 * EVENT_NAMES.length)],
        timestamp: new Date().toISOString(),
      })),
    });
  const statuses = {};
  const post = async () => {
    const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
    const answer = await fetch(`${api.url}/collect/batch`, { method: 'POST', headers, body: batch() });
    await answer.arrayBuffer();
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
  };
  const backlog = [];
  const begun = performance.now();
  const sent = [];
  const every = (1000 * BATCH) / perSecond;
  for (let n = 0; n * every < seconds * 1000; n += 1) {
    const due = begun + n * every;
    if (due > performance.now()) await wait(due - performance.now());
    sent.push(post());
    const second = Math.floor((performance.now() - begun) / 1000);
    if (backlog.length <= second) {
      backlog[second] = await pending(bench.redis);
      if (second % 10 === 0) progress(`${second} s: ${backlog[second]} events pending`);
    }
  }
  await Promise.all(sent);
  const took = (performance.now() - begun) / 1000;
  await worker.stop();
  await api.stop();
  await bench.emptyBuffer();
  const half = backlog.filter((n) => n !== undefined).slice(-Math.floor(seconds / 2));
  const third = Math.max(Math.floor(half.length / 3), 1);
  const mean = (list) => list.reduce((sum, n) => sum + n, 0) / list.length;
  return {
    perSecond: (sent.length * BATCH) / took,
    statuses,
    early: mean(half.slice(0, third)),
    late: mean(half.slice(-third)),
    highest: Math.max(...half),
  };
}

async function pending(redis) {
  return Number((await redis.hget('tallystone:{buffer}:usage', 'events')) ?? 0);
}

/** From the 202 to event-summary, at 50 events a second, each under a name of its own. @returns ms */
export async function benchFreshness(bench, { apiKey, readKey, events }) {
  const [api, worker] = [await bench.api(), await bench.worker()];
  const one = async (n) => {
    const event = `fresh ${n}`;
    const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
    const body = JSON.stringify({ ...samplePayload(`user-${n}`), event, timestamp: new Date().toISOString() });
    await fetch(`${api.url}/collect`, { method: 'POST', headers, body });
    const accepted = performance.now();
    for (;;) {
      const query = `/api/analytics/event-summary?event=${encodeURIComponent(event)}`;
      const answer = await fetch(api.url + query, { headers: { 'x-api-key': readKey } });
      const { count } = /** @type {{ count: number }} */ (await answer.json());
      if (count === 1) return performance.now() - accepted;
      await wait(25);
    }
  };
  const found = [];
  for (let n = 0; n < events; n += 1) {
    found.push(one(n));
    await wait(20);
  }
  const ms = await Promise.all(found);
  await worker.stop();
  await api.stop();
  return { p50: percentile(ms, 0.5), p99: percentile(ms, 0.99) };
}
