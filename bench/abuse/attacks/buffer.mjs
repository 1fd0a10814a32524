import { setTimeout as wait } from 'node:timers/promises';
import { accepted, random } from '../../dataset.mjs';
import { percentile } from '../../rounds.mjs';
import { Tenant } from '../tenant.mjs';

export const name = 'buffer';

const PER_SECOND = 25_000;
const AT_ONCE = 250;
const FULL = { seconds: 20, bufferMiB: 64 };
const SHORT = { seconds: 4, bufferMiB: 8 };
const COUNTED_BAR_MS = 1500;
const POSTS = 200;
const COLLECT_BAR_MS = 100;
const MIB = 1024 * 1024;

/** Events of one account, more than the workers can store, while another sends a few. */
export async function* rows(bench, { short }) {
  const scale = short ? SHORT : FULL;
  yield* await turns(bench, scale);
  yield* await share(bench, scale);
}

/**
 * The flood goes into the buffer past the API, which would be the narrower place: whether the worker takes turns is asked.
 * The other account sends as everybody does.
 */
async function turns(bench, { seconds }) {
  const { BufferKeys } = await import('#dist/buffer/buffer-keys.js');
  const { BufferWriter } = await import('#dist/buffer/buffer-writer.js');
  const { encodeEnvelope } = await import('#dist/events/envelope.js');
  const server = await bench.localApi();
  const attacker = await Tenant.signIn(server, 'flood@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  const worker = await bench.worker();
  const limits = { bufferMaxBytes: 256 * MIB, bufferAccountShare: 25 };
  // All that the writer asks of the settings.
  const env = /** @type {import('#dist/config/env.js').Env} */ (/** @type {unknown} */ (limits));
  const buffer = new BufferWriter(bench.redis, new BufferKeys('tallystone:'), env);
  const next = random(5);
  let made = 0;
  let taken = 0;
  const batch = () =>
    Array.from({ length: AT_ONCE }, () =>
      encodeEnvelope({ ...accepted(next, Date.now(), attacker.app, `flood ${(made += 1)}`), receivedAt: Date.now() }),
    );
  const owner = attacker.ownerId.toString('hex');
  const begun = performance.now();
  const ends = begun + seconds * 1000;
  const flood = async () => {
    const every = (1000 * AT_ONCE) / PER_SECOND;
    for (let n = 0; performance.now() < ends; n += 1) {
      const due = begun + n * every;
      if (due > performance.now()) await wait(due - performance.now());
      const { outcome } = await buffer.append(owner, batch(), Date.now());
      if (outcome === 'kept') taken += AT_ONCE;
    }
  };
  const counted = [];
  const quiet = async () => {
    for (let n = 0; performance.now() < ends; n += 1) {
      counted.push(countedAfter(bench, other, `quiet ${n}`));
      await wait(100);
    }
  };
  await Promise.all([flood(), quiet()]);
  const perSecond = (1000 * taken) / (performance.now() - begun);
  const ms = percentile(await Promise.all(counted), 0.99);
  await worker.stop();
  await server.stop();
  await bench.emptyBuffer();
  return [
    {
      name: `${Math.round(perSecond)} events/s of one account: another's event is counted`,
      measured: `p99 ${Math.round(ms)} ms of ${counted.length}`,
      bar: `≤ ${COUNTED_BAR_MS} ms`,
      met: ms <= COUNTED_BAR_MS,
    },
  ];
}

/** From the 202 to the rollup, ms; Infinity where it was refused. */
async function countedAfter(bench, tenant, event) {
  if ((await tenant.collect('', { event, userId: 'bystander' })).status !== 202) return Infinity;
  const begun = performance.now();
  const app = Buffer.from(tenant.app, 'hex');
  for (;;) {
    const [found] = await bench.db.query('SELECT n FROM event_summary WHERE app_id = ? AND event = ?', [app, event]);
    if (found.length > 0) return performance.now() - begun;
    await wait(20);
  }
}

/** No worker runs: what one account has sent stays, and the other must still be taken in. */
async function share(bench, { bufferMiB }) {
  const server = await bench.localApi({ BUFFER_MAX_BYTES: String(bufferMiB * MIB) });
  const attacker = await Tenant.signIn(server, 'flood@example.test');
  const other = await Tenant.signIn(server, 'bystander@example.test');
  const one = { event: 'seen', userId: 'bystander' };
  await other.collect('', one);
  const events = Array.from({ length: 30 }, () => ({ event: 'large', metadata: { text: 'x'.repeat(30_000) } }));
  const codes = {};
  let refused = 0;
  while (refused < 20) {
    const answer = await attacker.collect('/batch', { events });
    const { code = 'accepted' } = /** @type {{ code?: string }} */ (answer.body);
    codes[code] = (codes[code] ?? 0) + 1;
    if (answer.status !== 202) refused += 1;
  }
  const ms = [];
  for (let n = 0; n < POSTS; n += 1) {
    const begun = performance.now();
    const { status } = await other.collect('', one);
    ms.push(status === 202 ? performance.now() - begun : Infinity);
  }
  const taken = ms.filter(Number.isFinite).length;
  const p99 = percentile(ms, 0.99);
  await server.stop();
  await bench.emptyBuffer();
  const flood = 'a buffer flooded by one account';
  return [
    {
      name: `${flood}: refused by its own code`,
      measured: Object.entries(codes)
        .map(([code, n]) => `${n} ${code}`)
        .join(', '),
      bar: 'buffer_share_exceeded alone',
      met: codes.buffer_share_exceeded === refused,
    },
    {
      name: `${flood}: another's events are taken`,
      measured: `${taken} of ${POSTS}, p99 ${Number.isFinite(p99) ? `${Math.round(p99)} ms` : 'refused'}`,
      bar: `all, p99 ≤ ${COLLECT_BAR_MS} ms`,
      met: taken === POSTS && p99 <= COLLECT_BAR_MS,
    },
  ];
}
