import { missingMonths } from './partitions.js';

const NOW = Date.UTC(2026, 10, 24);

test('makes every month from the first to three ahead, bounded by the next month', () => {
  const months = missingMonths(new Set(), NOW);
  expect(months.map(({ name }) => name)).toEqual([
    ...Array.from({ length: 12 }, (_none, i) => `p_2026_${String(i + 1).padStart(2, '0')}`),
    'p_2027_01',
    'p_2027_02',
  ]);
  expect(Number.parseInt(months.at(-1)!.below.slice(0, 12), 16)).toBe(Date.UTC(2027, 2, 1));
  expect(months.at(-1)!.below).toMatch(/^[0-9a-f]{12}0{20}$/);
});

test('leaves alone what is there, also over the turn of a year', () => {
  const before = new Set(missingMonths(new Set(), NOW).map(({ name }) => name));
  expect(missingMonths(before, NOW)).toEqual([]);
  expect(missingMonths(before, Date.UTC(2026, 11, 31, 23, 59)).map(({ name }) => name)).toEqual(['p_2027_03']);
});
