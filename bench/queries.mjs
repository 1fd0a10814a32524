import { DAY_MS, DAYS, EVENT_NAMES, FIRST_DAY, random, USERS } from './dataset.mjs';
import { percentile, median } from './rounds.mjs';

const CONNECTIONS = 8;
const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns', 'America/New_York', 'Europe/Berlin'];

/**
 * Questions over 8 connections against an empty authenticated route of the same server, in turn. Ranges, zones, names and
 * users are drawn anew for each request.
 */
export async function benchQueries(bench, { token, apps, times, asks, progress }) {
  // With the stand-in: the person who asks signed in by it, and their sessions are void where it is off.
  const product = await bench.localApi();
  const next = random(5);
  const any = (list) => list[Math.floor(next() * list.length)];
  const day = (n) => new Date(FIRST_DAY + n * DAY_MS).toISOString().slice(0, 10);
  const range = (days) => {
    const start = Math.floor(next() * (DAYS - days + 1));
    return `startDate=${day(start)}&endDate=${day(start + days - 1)}&timezone=${any(ZONES)}`;
  };
  // Every other question is for all events, the heaviest.
  const name = () => (next() < 0.5 ? '' : `&event=${any(EVENT_NAMES)}`);
  const summary = (days, app) => `/api/analytics/event-summary?${range(days)}${name()}${app ? `&app_id=${app}` : ''}`;
  const questions = {
    empty: () => ['/api/auth/me', token],
    'summary 30 days, largest app': () => [summary(30, apps[0]), token],
    'summary 30 days, a tenth of it': () => [summary(30, apps[1]), token],
    'summary 365 days, all apps': () => [summary(365), token],
    'user-stats': () => [`/api/analytics/user-stats?userId=user-${Math.floor(next() * USERS)}`, token],
  };
  /** @type {Record<string, Record<'p50' | 'p95', number[]>>} */
  const found = Object.fromEntries(Object.keys(questions).map((key) => [key, { p50: [], p95: [] }]));
  for (let round = 0; round <= times; round += 1) {
    for (const [key, make] of Object.entries(questions)) {
      const ms = await ask(product.url, make, asks);
      if (round === 0) continue; // getting warm
      found[key].p50.push(percentile(ms, 0.5));
      found[key].p95.push(percentile(ms, 0.95));
      progress(
        `${round}/${times} ${key}: p50 ${percentile(ms, 0.5).toFixed(1)}, p95 ${percentile(ms, 0.95).toFixed(1)} ms`,
      );
    }
  }
  await product.stop();
  return Object.fromEntries(
    Object.entries(found).map(([key, { p50, p95 }]) => [key, { p50: median(p50), p95: median(p95) }]),
  );
}

/** @returns how long each answer took, ms */
async function ask(url, make, asks) {
  const ms = [];
  let left = asks;
  const connection = async () => {
    while (left-- > 0) {
      const [path, token] = make();
      const begun = performance.now();
      const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
      await answer.arrayBuffer();
      ms.push(performance.now() - begun);
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return ms;
}
