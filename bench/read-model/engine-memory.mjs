import { setTimeout as wait } from 'node:timers/promises';
import { Company, overviewQuestions } from './company.mjs';
import { Stream } from './stream.mjs';

const SAMPLE_MS = 2000;
const LOAD_PER_SECOND = 1000;

/** A new engine's memory after the overview's questions for 30 days and a year. @returns bytes */
export async function benchOverviewMemory(bench, engine, { who, progress }) {
  await engine.stop();
  await engine.start();
  const before = engine.memoryUse();
  const api = await bench.localApi();
  for (const path of [30, 365].flatMap((days) => overviewQuestions(who.apps[0], days))) {
    const answer = await fetch(api.url + path, { headers: { authorization: `Bearer ${who.token}` } });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  }
  const after = engine.memoryUse();
  await api.stop();
  progress(`engine ${before.rss} bytes, after the questions ${after.rss}`);
  return { before, after };
}

/** The engine's memory under mixed load: events, questions and mutations. @returns means of the first and last third, bytes */
export async function benchMixedLoad(bench, engine, { who, mixed: minutes, progress }) {
  const [api, worker] = [await bench.localApi(), await bench.worker()];
  const company = new Company({ url: api.url, token: who.token, appId: who.apps[0] }, engine);
  const stream = new Stream({ url: api.url, apiKey: who.apiKey, perSecond: LOAD_PER_SECOND });
  const seen = [];
  const until = performance.now() + minutes * 60_000;
  for (let told = 0; performance.now() < until;) {
    await wait(Math.min(SAMPLE_MS, minutes * 10_000));
    seen.push(engine.memoryUse().rss);
    const minute = Math.floor((minutes * 60_000 - (until - performance.now())) / 60_000);
    if (minute > told) progress(`minute ${(told = minute)}: ${Math.round(seen.at(-1) / 2 ** 20)} MiB`);
  }
  const perSecond = await stream.stop();
  await company.stop();
  await worker.stop();
  await api.stop();
  const third = Math.max(Math.floor(seen.length / 3), 1);
  const mean = (list) => list.reduce((sum, n) => sum + n, 0) / list.length;
  return {
    ...{ minutes, perSecond, first: mean(seen.slice(0, third)), last: mean(seen.slice(-third)) },
    ...{ highest: Math.max(...seen), questions: company.statuses, mutations: company.mutations },
  };
}
