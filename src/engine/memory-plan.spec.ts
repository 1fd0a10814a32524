import { ENGINE_MEMORY_MIN } from '../config/engine-env.js';
import { memoryPlan, threadPoolSize } from './memory-plan.js';

const MIB = 1024 * 1024;

test.each([ENGINE_MEMORY_MIN / MIB, 512, 768, 1024, 4096, 65_536])(
  'with %d MiB, everything at once stays below ENGINE_MEMORY',
  (mib) => {
    const { readers, questionBytes, copyBytes, markCacheBytes } = memoryPlan(mib * MIB);
    const atOnce = (readers + 1) * questionBytes + 2 * copyBytes + markCacheBytes + 300 * MIB;
    expect(atOnce).toBeLessThanOrEqual(mib * MIB);
    expect(readers).toBeGreaterThanOrEqual(1);
    expect(questionBytes).toBeGreaterThanOrEqual(30 * MIB);
    expect(copyBytes).toBeGreaterThan(8 * MIB);
  },
);

test('a gigabyte, the default, has four readers', () => {
  expect(memoryPlan(1024 * MIB)).toMatchObject({ readers: 4 });
});

test.each([
  [512, 9],
  [1024, 12],
  [65_536, 12],
])('with %d MiB, a thread for each session and four more: %d', (mib, threads) => {
  expect(threadPoolSize(mib * MIB)).toBe(threads);
});
