import { RateLimiterMemory } from 'rate-limiter-flexible';
import { SharedLimiter } from './shared-limiter.js';

function countingLimiter() {
  const limiter = new RateLimiterMemory({ points: 10, duration: 60 });
  const asked: [string, number][] = [];
  const consume = limiter.consume.bind(limiter);
  limiter.consume = (name, points) => {
    asked.push([String(name), points ?? 1]);
    return consume(name, points);
  };
  return { limiter: new SharedLimiter(limiter), asked };
}

test('asks once for all of one turn, and tells each what they would have heard one after the other', async () => {
  const { limiter, asked } = countingLimiter();
  const states = await Promise.all([
    limiter.consume('a', 4),
    limiter.consume('b', 1),
    limiter.consume('a', 5),
    limiter.consume('a', 3),
  ]);
  expect(asked).toEqual([
    ['a', 12],
    ['b', 1],
  ]);
  expect(states.map(({ consumed }) => consumed)).toEqual([4, 1, 9, 12]);
  expect((await limiter.consume('a', 1)).consumed).toBe(13);
  expect(asked).toHaveLength(3);
});

test('what cannot be asked is an error for each, and the next turn begins anew', async () => {
  const broken = new RateLimiterMemory({ points: 10, duration: 60 });
  const consume = broken.consume.bind(broken);
  let failing = true;
  broken.consume = (name, points) => (failing ? Promise.reject(new Error('away')) : consume(name, points));
  const limiter = new SharedLimiter(broken);
  const both = await Promise.allSettled([limiter.consume('a', 1), limiter.consume('a', 1)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  failing = false;
  expect((await limiter.consume('a', 1)).consumed).toBe(1);
});
