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

test('remembers who is over the limit until their second is over, and gives back what was taken', async () => {
  const limiter = new SharedLimiter(new RateLimiterMemory({ points: 10, duration: 60 }));
  await limiter.consume('a', 10);
  await limiter.giveBack('a', 4);
  expect((await limiter.consume('a', 4)).consumed).toBe(10);
  expect([limiter.refusedFor('a'), limiter.isSuspect('a')]).toEqual([0, false]);
  limiter.remember('a', 50_000);
  expect(limiter.refusedFor('a')).toBeGreaterThan(49_000);
  expect(limiter.isSuspect('a')).toBe(true);
  limiter.remember('a', -1);
  expect([limiter.refusedFor('a'), limiter.isSuspect('a')]).toEqual([0, true]);
  limiter.remember('a', -20_000);
  expect(limiter.isSuspect('a')).toBe(false);
  expect([limiter.refusedFor('b'), limiter.isSuspect('b')]).toEqual([0, false]);
});
