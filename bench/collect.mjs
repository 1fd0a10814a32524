import { join } from 'node:path';
import { load } from './load.mjs';
import { samplePayload } from './payload.mjs';
import { rounds } from './rounds.mjs';

const CONNECTIONS = 64;

/** POST collect and a batch of 100: the product's API process against bare Fastify on the same Redis. */
export async function benchCollect(bench, { times, seconds, progress }) {
  const { apiKey } = await bench.signedIn();
  const product = await bench.api();
  const floor = await bench.serve(join('bench', 'floors', 'bare-fastify.mjs'));
  const post = async (server, path, body) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
    const options = { connections: CONNECTIONS, seconds, status: 202, method: 'POST', headers };
    const found = await load({ url: server.url + path, ...options, body: JSON.stringify(body) });
    await bench.emptyBuffer();
    await bench.redis.unlink('floor:pending');
    return found;
  };
  const one = samplePayload('user-1');
  const hundred = { events: Array.from({ length: 100 }, (_none, i) => samplePayload(`user-${i}`)) };
  const sides = (path, body, short = path) => ({
    floor: () => post(floor, short, body),
    product: () => post(product, path, body),
  });
  for (const server of [floor, product]) await post(server, '/collect', one); // warm
  const single = await rounds(sides('/api/analytics/collect', one, '/collect'), times, progress);
  const batch = await rounds(sides('/api/analytics/collect/batch', hundred, '/collect/batch'), times, progress);
  await floor.stop();
  const second = await bench.api();
  const both = async () => {
    const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
    const options = { seconds, status: 202, method: 'POST', headers, body: JSON.stringify(one) };
    const loads = [product, second].map(({ url }) =>
      load({ url: `${url}/collect`, connections: CONNECTIONS / 2, ...options }),
    );
    const found = await Promise.all(loads);
    await bench.emptyBuffer();
    return { perSecond: found[0].perSecond + found[1].perSecond, p99: Math.max(found[0].p99, found[1].p99) };
  };
  const processes = await rounds({ one: () => post(product, '/collect', one), two: both }, times, progress);
  await product.stop();
  await second.stop();
  return { single, batch, processes };
}
