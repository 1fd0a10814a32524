import { DAY_MS, DAYS, EVENT_NAMES, FIRST_DAY, random } from '../dataset.mjs';
import { percentile, rounds } from '../rounds.mjs';

const CONNECTIONS = 8;
const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns', 'America/New_York', 'Europe/Berlin'];

/**
 * `event-summary` with exact users over 8 connections, against an empty authenticated route and then the same SQL by
 * ClickHouse's client, one after the other on each connection. Both sides draw the same ranges, zones and names.
 * @param apps ids (32 hex digits), the largest first
 */
export async function benchSummary(bench, engine, { token, apps, times, asks, progress }) {
  // With the stand-in: the person who asks signed in by it, and their sessions are void where it is off.
  const api = await bench.localApi();
  const client = engine.client('questions', CONNECTIONS);
  const get = (path) => fetched(api.url + path, token);
  const askFloor = await floorQuestion(client);
  const kinds = {
    'event-summary 30 days, largest app': { days: 30, asked: [apps[0]] },
    'event-summary 365 days, all apps': { days: DAYS, asked: apps },
  };
  /** @type {Record<string, any>} */
  const found = {};
  for (const [kind, { days, asked }] of Object.entries(kinds)) {
    const drawn = draw(days);
    const floor = async (question) => {
      await get('/api/auth/me');
      return askFloor(question, asked);
    };
    const product = (question) => get(summaryPath(question, asked.length === 1 ? asked[0] : undefined));
    await sameAnswer(await floor(drawn()), await product(draw(days)()), kind);
    const side = (ask, connections) => async () => {
      const ms = await inTurn(ask, draw(days), connections === 1 ? Math.ceil(asks / 4) : asks, connections);
      return { p50: percentile(ms, 0.5), p95: percentile(ms, 0.95) };
    };
    for (const ask of [floor, product]) await side(ask, CONNECTIONS)(); // warm
    const sides = {
      floor: side(floor, CONNECTIONS),
      product: side(product, CONNECTIONS),
      alone: side(product, 1),
    };
    found[kind] = await rounds(sides, times, (line) => progress(`${kind} ${line}`));
  }
  await client.close();
  await api.stop();
  return found;
}

/** Questions of a number of days, the same in each run. Every other one is for all events, the heaviest. */
function draw(days) {
  const next = random(5);
  const any = (list) => list[Math.floor(next() * list.length)];
  const day = (n) => new Date(FIRST_DAY + n * DAY_MS).toISOString().slice(0, 10);
  return () => {
    const start = Math.floor(next() * (DAYS - days + 1));
    return {
      startDate: day(start),
      endDate: day(start + days - 1),
      timezone: any(ZONES),
      ...(next() < 0.5 ? {} : { event: any(EVENT_NAMES) }),
    };
  };
}

function summaryPath(question, app) {
  return `/api/analytics/event-summary?${new URLSearchParams({ ...question, ...(app ? { app_id: app } : {}) })}`;
}

/** What the API asks ClickHouse, asked by its client alone. */
async function floorQuestion(client) {
  const { summaryQuestion, readSummary } = await import('#dist/analytics/read-model/summary.js');
  const { periodOf } = await import('#dist/analytics/read-model/asked-rows.js');
  const { timeRange } = await import('#dist/analytics/time-range.js');
  const { filterOf } = await import('#dist/read-model/questions/read-model-reader.js');
  return async ({ startDate, endDate, timezone, event }, apps) => {
    const period = periodOf(timeRange(startDate, endDate, timezone));
    if (!period) throw new Error(`Nothing can have occurred from ${startDate} to ${endDate}`);
    const asked = apps.map((id) => ({ id, deletedBefore: null }));
    const { sql, params } = summaryQuestion(/** @type {any} */ (asked), event, period, Date.now());
    const answer = await client.query({
      query: sql,
      query_params: { ...params },
      format: 'JSONEachRow',
      clickhouse_settings: {
        readonly: '2',
        wait_end_of_query: 1,
        output_format_json_quote_64bit_integers: 0,
        additional_table_filters: filterOf(apps),
      },
    });
    const { counts, users } = readSummary(await answer.json());
    return { count: Object.values(counts).reduce((sum, n) => sum + n, 0), uniqueUsers: users };
  };
}

/** @throws where the product's answer is not ClickHouse's */
async function sameAnswer(floor, product, kind) {
  if (product.degraded?.length > 0) throw new Error(`${kind}: ClickHouse did not answer`);
  for (const name of ['count', 'uniqueUsers'])
    if (floor[name] !== product[name])
      throw new Error(`${kind}: ${name} is ${product[name]}, and ${floor[name]} by ClickHouse's client`);
}

async function fetched(url, token) {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const body = /** @type {any} */ (await answer.json());
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  if (body.degraded?.length > 0) throw new Error(`${url}: ClickHouse did not answer`);
  return body;
}

/** Asks over some connections, each as soon as the answer before is there. @returns how long each took, ms */
async function inTurn(ask, make, asks, connections) {
  const ms = [];
  let left = asks;
  const connection = async () => {
    while (left-- > 0) {
      const question = make();
      const begun = performance.now();
      await ask(question);
      ms.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  return ms;
}
