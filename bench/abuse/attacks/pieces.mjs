import { connect } from 'node:net';
import { Bystander, bystanderRows } from '../bystander.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'pieces';

const CONNECTIONS = 4;
const BYTES_A_SECOND = 1_000_000;
const MS = { full: 10_000, short: 2000 };
/** Limits of what the bystander does; those that hold the attack back keep their defaults. */
const RATE_LIMITS = 'signin=1000000,reads=1000000,changes=1000000';
const BARS = { collect: 100, me: 2000, summary: 2000 };
const HEAD = ['host: x', 'content-type: application/json', 'transfer-encoding: chunked', '', ''];
const TINY = Buffer.from('1\r\nx\r\n'.repeat(5000));

/** Bodies in HTTP chunks of one byte, without a key. */
export async function* rows(bench, { short }) {
  const server = await bench.localApi({ RATE_LIMITS });
  const other = await Tenant.signIn(server, 'bystander@example.test');
  const worker = await bench.worker();
  const ms = MS[short ? 'short' : 'full'];
  for (const line of ['POST /api/analytics/collect', 'GET /health']) {
    const found = await Bystander.during(other, () => flood(server, line, ms), ms);
    yield* bystanderRows(`${BYTES_A_SECOND / 1e6} MB a second in chunks of one byte (${line})`, found, BARS);
  }
  await worker.stop();
  await server.stop();
}

/** On connections that are opened anew whenever one is closed. */
async function flood({ url }, line, ms) {
  const { hostname, port } = new URL(url);
  const begun = performance.now();
  const isOver = () => performance.now() - begun > ms;
  let sent = 0;
  /** @returns {Promise<void>} */
  const sendOn = () =>
    new Promise((resolve) => {
      const address = `x-forwarded-for: 198.18.0.${Math.floor(Math.random() * 250)}`;
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      const timer = setInterval(() => {
        if (isOver()) return void socket.destroy();
        if (sent >= (BYTES_A_SECOND * (performance.now() - begun)) / 1000 || socket.writableLength > 0) return;
        sent += TINY.length;
        socket.write(TINY);
      }, 5);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(undefined);
      });
      socket.resume().write([`${line} HTTP/1.1`, address, ...HEAD].join('\r\n'));
    });
  const keepSending = async () => {
    while (!isOver()) await sendOn();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, keepSending));
}
