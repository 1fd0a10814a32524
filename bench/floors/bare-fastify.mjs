// The floor of collect: parse JSON, ask one limiter, push to Redis and wait. No token, no validation, no id.
import { Redis } from 'ioredis';
import Fastify from 'fastify';
import { RateLimiterRedis } from 'rate-limiter-flexible';

const redis = new Redis(decodeURIComponent(new URL(process.env.REDIS_URL ?? '').pathname), {
  enableAutoPipelining: true,
});
const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'floor', points: 1e9, duration: 1 });
const app = Fastify({ bodyLimit: 1024 * 1024 });

app.get('/health', () => ({ status: 'ok' }));
app.post('/collect', async (request, reply) => {
  await limiter.consume('key', 1);
  await redis.rpush('floor:pending', JSON.stringify(request.body));
  reply.code(202);
  return { id: '019b76da-a800-7000-8000-000000000000' };
});
app.post('/collect/batch', async (request, reply) => {
  const { events } = /** @type {{ events: object[] }} */ (request.body);
  await limiter.consume('key', events.length);
  await redis.rpush('floor:pending', ...events.map((event) => JSON.stringify(event)));
  reply.code(202);
  return { accepted: events.length };
});
process.on('SIGTERM', () => process.exit(0));
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
