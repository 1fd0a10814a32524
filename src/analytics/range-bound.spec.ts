import { parseRangeBound, withPlus } from './range-bound.js';

const NOON = Date.UTC(2024, 1, 20, 12, 30);

test.each([
  ['2024-02-20', { kind: 'day', localMs: Date.UTC(2024, 1, 20) }],
  ['2024-02-20T12:30', { kind: 'local', localMs: NOON }],
  ['2024-02-20 12:30:00', { kind: 'local', localMs: NOON }],
  ['2024-02-20T12:30Z', { kind: 'moment', ms: NOON }],
  ['2024-02-20T12:30:00.000z', { kind: 'moment', ms: NOON }],
  ['2024-02-20T18:00:00+05:30', { kind: 'moment', ms: NOON }],
  ['2024-02-20T09:00-03:30', { kind: 'moment', ms: NOON }],
  ['2024-02-29', { kind: 'day', localMs: Date.UTC(2024, 1, 29) }],
])('%s', (text, bound) => expect(parseRangeBound(text)).toEqual(bound));

test.each([
  '2023-02-29',
  '2024-02-30',
  '2024-13-01',
  '2024-2-3',
  '20240220',
  '0',
  '',
  'yesterday',
  '2024-02-20T24:00',
  '2024-02-20T12',
  '2024-02-20T12:60',
  '2024-02-20Z',
  '2024-02-20T12:30+0530',
  ' 2024-02-20',
])('refuses %j', (text) => expect(parseRangeBound(text)).toBeUndefined());

test('what is finer than a millisecond is not lost: it is off the quarter-hour', () => {
  expect(parseRangeBound('2024-02-20T12:30:00.0000001Z')).toEqual({ kind: 'moment', ms: NOON + 1 });
});

test.each([
  ['2024-02-20T18:00:00 05:30', '2024-02-20T18:00:00+05:30'],
  ['2024-02-20T18:00 05:30', '2024-02-20T18:00+05:30'],
  ['2024-02-20 05:30', '2024-02-20 05:30'],
  ['2024-02-20', '2024-02-20'],
])('a + that became a space: %j', (arrived, meant) => expect(withPlus(arrived)).toBe(meant));
