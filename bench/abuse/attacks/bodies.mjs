import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Bystander, bystanderRows } from '../bystander.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'bodies';

const A_SECOND = 100;
const MS = { full: 10_000, short: 2000 };
const BARS = { collect: 50 };
const MEGABYTE = 1024 * 1024;
/** A gzip of each is sent by turns, so that no name is one that the process has met. */
const VARIANTS = 20;
/** Limits of what the bystander does; those that hold the attack back keep their defaults. */
const RATE_LIMITS = 'signin=1000000,reads=1000000,changes=1000000';
/** What the short form sends. */
const SHORT = ['nested; no key', 'flat, gzip; no key', 'flat, gzip; good key', 'names within the limit; good key'];

/** Bodies that cost much to parse, sent without a key, with a bad one and with a good one of the attacker's own. */
export async function* rows(bench, { short }) {
  const server = await bench.localApi({ RATE_LIMITS });
  const attacker = await Tenant.signIn(server, 'bodies@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  const worker = await bench.worker();
  const bodies = {
    nested: { 'content-encoding': 'gzip', bodies: [gzipSync(nested(170_000))] },
    'flat, gzip': { 'content-encoding': 'gzip', bodies: variants((i) => gzipSync(flat(i, MEGABYTE))) },
    'flat, plain': { bodies: variants((i) => flat(i, MEGABYTE)) },
    'small, flat': { bodies: variants((i) => flat(i, 60_000)) },
    'names within the limit': { bodies: variants((i) => flat(i, 19_000)), accepted: true },
  };
  const senders = {
    'no key': () => ({}),
    'no key, 100 addresses': (i) => ({ 'x-forwarded-for': `198.51.100.${i % 100}` }),
    'bad key': (i) => ({ 'x-api-key': `${attacker.apiKey.slice(0, -5)}${10_000 + (i % 80_000)}` }),
    'good key': () => ({ 'x-api-key': attacker.apiKey, 'x-forwarded-for': '198.51.100.200' }),
  };
  for (const [sender, headers] of Object.entries(senders)) {
    for (const [shape, body] of Object.entries(bodies)) {
      const what = `${shape}; ${sender}`;
      if (short && !SHORT.includes(what)) continue;
      const flood = () => floodWith(server, body, headers, MS[short ? 'short' : 'full']);
      const found = await Bystander.during(other, flood, MS[short ? 'short' : 'full']);
      yield bystanderRows(`${A_SECOND} bodies a second (${what})`, found, BARS)[0];
    }
  }
  await worker.stop();
  await server.stop();
}

const variants = (make) => Array.from({ length: VARIANTS }, (_none, i) => make(i));

function nested(depth) {
  return `{"event":"x","metadata":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`;
}

/** As many different names as go into so many bytes. */
function flat(variant, bytes) {
  const names = Array.from({ length: bytes / 10 }, (_none, i) => `"${(variant * 1_000_003 + i).toString(36)}":1`);
  return Buffer.from(
    `{"event":"x","metadata":{${names
      .join()
      .slice(0, bytes - 40)
      .replace(/,[^,]*$/, '')}}}`,
  );
}

/** At a fixed rate, whatever is answered. @throws Error when a body is accepted that should not be */
async function floodWith({ url }, { bodies, accepted = false, ...headers }, more, ms) {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const answers = [];
  const begun = performance.now();
  for (let i = 0; performance.now() - begun < ms; i += 1) {
    answers.push(post(url, agent, { ...headers, ...more(i) }, bodies[i % bodies.length]));
    await wait(Math.max(0, begun + ((i + 1) * 1000) / A_SECOND - performance.now()));
  }
  const statuses = await Promise.all(answers);
  agent.destroy();
  if (!accepted && statuses.includes(202)) throw new Error('A body of the attack was accepted');
}

/** @returns the status; undefined when the connection was closed */
function post(url, agent, headers, body) {
  return new Promise((resolve) => {
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } };
    const sent = request(`${url}/api/analytics/collect`, options, (answer) => {
      answer.on('close', () => resolve(answer.statusCode)).resume();
    });
    sent.on('error', () => resolve(undefined)).end(body);
  });
}
