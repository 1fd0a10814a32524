import { setTimeout as wait } from 'node:timers/promises';
import { samplePayload } from '../payload.mjs';
import { percentile } from '../rounds.mjs';
import { Company } from './company.mjs';
import { outboxIsEmpty } from './caught-up.mjs';
import { post, Stream } from './stream.mjs';

const PROBES_A_SECOND = 5;
const ASKED_EVERY_MS = 50;
/** An event that is not seen by then is lost. */
const LOST_AFTER_MS = 120_000;

/**
 * From a 202 to `event-summary`, for events of one account, while another sends 50 events a second, or half of what a worker can
 * do, and asks eight questions at a time, and a mutation runs. (Who asks so much waits for their own questions.)
 * @param who the account with the dataset @param other the one that is looked at @param half events a second
 */
export async function benchVisible(bench, engine, { who, other, half, probes, progress }) {
  const [api, worker] = [await bench.localApi(), await bench.worker()];
  /** @type {Record<string, any>} */
  const found = {};
  for (const [name, perSecond] of Object.entries({ slow: 50, half })) {
    const company = new Company({ url: api.url, token: who.token, appId: who.apps[0] }, engine);
    const stream = new Stream({ url: api.url, apiKey: who.apiKey, perSecond });
    const ms = await probe(api.url, other, name, probes);
    const reached = await stream.stop();
    await company.stop();
    await outboxIsEmpty(bench);
    const figures = { p50: percentile(ms, 0.5), p99: percentile(ms, 0.99), highest: Math.max(...ms) };
    found[name] = {
      ...figures,
      perSecond: reached,
      statuses: stream.statuses,
      mutations: company.mutations,
      questions: company.statuses,
    };
    progress(`${Math.round(reached)} events/s: ${JSON.stringify(found[name])}`);
  }
  await worker.stop();
  await api.stop();
  await bench.emptyBuffer();
  return found;
}

/** @returns how long each event took from its 202 until it was counted, ms */
async function probe(url, { apiKey, readKey }, run, count) {
  const one = async (n) => {
    const event = `seen ${run} ${n}`;
    const now = new Date().toISOString();
    const status = await post(`${url}/collect`, apiKey, { ...samplePayload(`user-${n}`), event, timestamp: now });
    if (status !== 202) throw new Error(`collect answered ${status}`);
    const accepted = performance.now();
    const query = new URLSearchParams({ event, startDate: now.slice(0, 10) });
    for (;;) {
      const answer = await fetch(`${url}/api/analytics/event-summary?${query}`, { headers: { 'x-api-key': readKey } });
      const body = /** @type {any} */ (await answer.json());
      const taken = performance.now() - accepted;
      // MySQL's counts do not tell what ClickHouse has.
      if (body.count === 1 && body.uniqueUsers === 1) return taken;
      if (taken > LOST_AFTER_MS) throw new Error(`${event} was not counted: ${JSON.stringify(body)}`);
      await wait(ASKED_EVERY_MS);
    }
  };
  const found = [];
  for (let n = 0; n < count; n += 1) {
    found.push(one(n));
    await wait(1000 / PROBES_A_SECOND);
  }
  return Promise.all(found);
}
