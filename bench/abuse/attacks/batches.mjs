import { gzipSync } from 'node:zlib';
import { setTimeout as wait } from 'node:timers/promises';
import { Bystander, bystanderRows } from '../bystander.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'batches';

const A_SECOND = 9;
const EVENTS = 1000;
const MS = { full: 10_000, short: 2000 };
/** Batches are made before they are sent. */
const VARIANTS = 20;

/** Batches within all limits whose events cost much before they are kept. */
export async function* rows(bench, { short }) {
  const server = await bench.localApi();
  const attacker = await Tenant.signIn(server, 'batches@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  const worker = await bench.worker();
  const attacks = { 'new User-Agents': newAgents, 'events wrong in every field': wrong };
  for (const [what, event] of Object.entries(attacks)) {
    const bodies = Array.from({ length: VARIANTS }, (_none, variant) => batch((i) => event(variant * EVENTS + i)));
    const ms = MS[short ? 'short' : 'full'];
    const found = await Bystander.during(other, () => floodWith(attacker, bodies, ms), ms);
    yield* bystanderRows(`${A_SECOND} batches of ${EVENTS} a second (${what})`, found);
  }
  await worker.stop();
  await server.stop();
}

const batch = (event) => gzipSync(JSON.stringify({ events: Array.from({ length: EVENTS }, (_none, i) => event(i)) }));

/** As long as they may be, with names that no table holds. */
function newAgents(i) {
  const product = `Browser${i.toString(36)}/${i % 97}.${i}`;
  const userAgent = `Mozilla/5.0 (Linux; Android ${i % 15}; Model ${i}) AppleWebKit/537.36 ${product} ${'Extra/1.0 '.repeat(60)}`;
  return { event: 'x', userAgent: userAgent.slice(0, 512) };
}

/** All but the first of each batch. */
function wrong(i) {
  if (i % EVENTS === 0) return { event: 'x' };
  const fields = ['userId', 'anonymousId', 'sessionId', 'url', 'referrer', 'device', 'userAgent', 'ipAddress'];
  return { event: 'x', ...Object.fromEntries(fields.map((field) => [field, i])), metadata: [], timestamp: 'never' };
}

/** At a fixed rate, whatever is answered. */
async function floodWith({ url, apiKey }, bodies, ms) {
  const answers = [];
  const begun = performance.now();
  for (let i = 0; performance.now() - begun < ms; i += 1) {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-api-key': apiKey };
    const sent = fetch(`${url}/collect/batch`, { method: 'POST', headers, body: bodies[i % bodies.length] });
    answers.push(sent.then((answer) => answer.arrayBuffer()));
    await wait(Math.max(0, begun + ((i + 1) * 1000) / A_SECOND - performance.now()));
  }
  await Promise.all(answers);
}
