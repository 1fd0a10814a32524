import { setTimeout as wait } from 'node:timers/promises';
import { percentile } from '../rounds.mjs';

// Another tenant: sends at a fixed rate, whatever is answered, so that what waits is seen to wait. See bystander.mjs.

const COLLECT_EVERY_MS = 20;
const ASK_EVERY_MS = 100;
/** How long an answer is waited for. */
const PATIENCE_MS = 60_000;

const { url, token, apiKey, appId } = JSON.parse(process.argv[2]);
const bearer = { authorization: `Bearer ${token}` };
/** How long each answer took, ms; Infinity for one that was not the right one. @type {Record<string, number[]>} */
const taken = { collect: [], me: [], summary: [], revoked: [] };
const underWay = new Set();
let stopped = false;

/**
 * @param {string} path
 * @param {{ headers: Record<string, string>, body?: object }} request
 * @returns the status; 0 when there is no answer
 */
async function status(path, { headers, body }) {
  const method = body ? 'POST' : 'GET';
  const options = { method, headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) } };
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(url + path, { ...options, signal, ...(body ? { body: JSON.stringify(body) } : {}) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

function measured(name, good, send) {
  const begun = performance.now();
  const one = send().then((code) => {
    underWay.delete(one);
    taken[name].push(code === good ? performance.now() - begun : Infinity);
  });
  underWay.add(one);
}

/** Until the process is told to stop. */
async function every(ms, send) {
  let next = performance.now();
  while (!stopped) {
    send();
    next += ms;
    await wait(Math.max(0, next - performance.now()));
  }
}

const event = (key) => ({ headers: { 'x-api-key': key }, body: { event: 'seen', userId: 'bystander' } });
const collect = (key) => status('/api/analytics/collect', event(key));
const summary = `/api/analytics/event-summary?app_id=${appId}&startDate=2026-11-01&endDate=2026-11-02`;

async function newKey() {
  const body = JSON.stringify({ appId, name: 'to be revoked' });
  const headers = { ...bearer, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/auth/api-key`, { method: 'POST', headers, body });
  if (answer.status !== 201) throw new Error(`A key was refused: ${answer.status}`);
  return answer.json();
}

/** From the order to revoke a key on: until it is refused. */
async function revocations(keys) {
  for (const { apiKey: key, keyId } of keys) {
    if (stopped) return;
    if ((await collect(key)) !== 202) return taken.revoked.push(Infinity);
    const begun = performance.now();
    const order = status('/api/auth/revoke', { headers: bearer, body: { keyId } });
    while ((await collect(key)) !== 401) {
      if (performance.now() - begun > PATIENCE_MS) return taken.revoked.push(Infinity);
      await wait(10);
    }
    taken.revoked.push(performance.now() - begun);
    await order;
    await wait(500);
  }
}

const keys = [];
for (let i = 0; i < 12; i += 1) keys.push(await newKey());
process.send?.('ready');
const loops = [
  every(COLLECT_EVERY_MS, () => measured('collect', 202, () => collect(apiKey))),
  every(ASK_EVERY_MS, () => measured('me', 200, () => status('/api/auth/me', { headers: bearer }))),
  every(ASK_EVERY_MS, () => measured('summary', 200, () => status(summary, { headers: bearer }))),
  revocations(keys),
];
process.once('message', async () => {
  stopped = true;
  await Promise.all(loops);
  await Promise.all(underWay);
  const { collect: posts, ...others } = taken;
  const slowest = Object.entries(others).map(([name, ms]) => [name, Math.max(...ms)]);
  process.send?.({ collect: percentile(posts, 0.99), ...Object.fromEntries(slowest) });
});
