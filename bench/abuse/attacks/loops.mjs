import { connect } from 'node:net';
import { Bystander, bystanderRows } from '../bystander.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'loops';

const CONNECTIONS = 300;
const MS = { full: 10_000, short: 2000 };
/** Limits of what the bystander does; those that hold the attack back keep their defaults. */
const RATE_LIMITS = 'signin=1000000,reads=1000000,changes=1000000';
const BARS = { collect: 100, me: 2000, summary: 2000 };
const COLLECT = 'POST /api/analytics/collect';
const EVENT = JSON.stringify({ event: 'x', userId: 'u' });

/** Connections that send the next request as soon as the one before is answered. */
export async function* rows(bench, { short }) {
  const server = await bench.localApi({ RATE_LIMITS });
  const attacker = await Tenant.signIn(server, 'loops@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  const worker = await bench.worker();
  const ms = MS[short ? 'short' : 'full'];
  const key = `x-api-key: ${attacker.apiKey}`;
  const json = 'content-type: application/json';
  const attacks = {
    'one address, GET /health': () => requestOf('GET /health', [from(0)]),
    'one address, collect without a key': () => requestOf(COLLECT, [from(0), json], '{}'),
    'one /48, GET /health': (i) => requestOf('GET /health', [`x-forwarded-for: 2001:db8:7:${i.toString(16)}::1`]),
    'good key, refused for its charset': () => requestOf(COLLECT, [from(1), key, `${json};charset=latin1`], '{}'),
    'good key, within all limits': (i) => requestOf(COLLECT, [from(2 + (i % 3)), key, json], EVENT),
  };
  for (const [what, request] of Object.entries(attacks)) {
    const found = await Bystander.during(other, () => loop(server, request, ms), ms);
    yield* bystanderRows(`${CONNECTIONS} connections (${what})`, found, BARS);
  }
  await worker.stop();
  await server.stop();
}

const from = (i) => `x-forwarded-for: 198.18.0.${i + 1}`;

function requestOf(line, headers, body = '') {
  const all = [`${line} HTTP/1.1`, 'host: x', ...headers, `content-length: ${body.length}`];
  return `${all.join('\r\n')}\r\n\r\n${body}`;
}

/** @param request makes a request of its number */
async function loop({ url }, request, ms) {
  const { hostname, port } = new URL(url);
  const begun = performance.now();
  const isOver = () => performance.now() - begun > ms;
  let sent = 0;
  const keepSending = async () => {
    while (!isOver()) {
      /** @type {Promise<void>} */
      const closed = new Promise((resolve) => {
        const socket = connect(Number(port), hostname).on('error', () => undefined);
        const timer = setTimeout(() => socket.destroy(), begun + ms - performance.now());
        const next = () => socket.write(request((sent += 1) % 65_536));
        socket.on('connect', next).on('data', (data) => {
          // An answer may come in several pieces.
          if (data.includes('HTTP/1.1 ')) next();
        });
        socket.on('close', () => {
          clearTimeout(timer);
          resolve(undefined);
        });
      });
      await closed;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, keepSending));
}
