import fc from 'fast-check';
import { buckets, INTERVALS } from './buckets.js';
import { timeRange } from './time-range.js';

const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns', 'America/New_York', 'Pacific/Apia'];
const of = (start: string, end: string, interval: 'hour' | 'day' | 'week' | 'month', zone: string) => [
  ...buckets(timeRange(start, end, zone), interval, zone, 1000),
];

test('days are as long as the calendar says', () => {
  const days = of('2026-10-31', '2026-11-02', 'day', 'America/New_York');
  expect(days.map(({ label }) => label)).toEqual(['2026-10-31', '2026-11-01', '2026-11-02']);
  expect(days.map(({ startQuarter, endQuarter }) => (endQuarter - startQuarter) / 4)).toEqual([24, 25, 24]);
});

test('an hour that the clock shows twice is one bucket, one that it jumps over is none', () => {
  const autumn = of('2026-11-01', '2026-11-01', 'hour', 'America/New_York');
  expect(autumn).toHaveLength(24);
  expect(autumn.map(({ startQuarter, endQuarter }) => endQuarter - startQuarter).slice(0, 3)).toEqual([4, 8, 4]);
  const spring = of('2026-03-08', '2026-03-08', 'hour', 'America/New_York').map(({ label }) => label.slice(11));
  expect(spring).toHaveLength(23);
  expect(spring).not.toContain('02:00');
});

test('weeks begin on Monday, and what the range cuts off is not whole', () => {
  const weeks = of('2026-11-25', '2026-12-08', 'week', 'Asia/Kathmandu');
  expect(weeks.map(({ label, whole }) => [label, whole])).toEqual([
    ['2026-11-23', false],
    ['2026-11-30', true],
    ['2026-12-07', false],
  ]);
});

test('months', () => {
  const months = of('2024-01-31', '2024-03-01', 'month', 'Asia/Kolkata');
  expect(months.map(({ label, whole }) => [label, whole])).toEqual([
    ['2024-01', false],
    ['2024-02', true],
    ['2024-03', false],
  ]);
});

test('together they are the range, each quarter-hour once', () => {
  const quarter = Date.UTC(2024, 0, 1) / 900_000;
  fc.assert(
    fc.property(
      fc.constantFrom(...ZONES),
      fc.constantFrom(...INTERVALS),
      fc.integer({ min: 0, max: 96 * 365 }),
      fc.integer({ min: 1, max: 96 * 20 }),
      (zone, interval, offset, length) => {
        const range = { startQuarter: quarter + offset, endQuarter: quarter + offset + length };
        const found = [...buckets(range, interval, zone, 1000)];
        expect(found[0]!.startQuarter).toBe(range.startQuarter);
        expect(found.at(-1)!.endQuarter).toBe(range.endQuarter);
        for (const [i, one] of found.entries()) {
          if (i > 0) expect(one.startQuarter).toBe(found[i - 1]!.endQuarter);
          expect(one.endQuarter).toBeGreaterThan(one.startQuarter);
        }
      },
    ),
  );
});

test('not many more than may be asked for are made', () => {
  expect([...buckets({ startQuarter: 0, endQuarter: 96 * 365 * 50 }, 'hour', 'UTC', 100)]).toHaveLength(101);
});
