import { parseTimestamp } from './timestamp.js';

describe('parseTimestamp', () => {
  test.each([
    ['2024-02-20T12:34:56Z', Date.UTC(2024, 1, 20, 12, 34, 56)],
    ['2024-02-20t12:34:56.7z', Date.UTC(2024, 1, 20, 12, 34, 56, 700)],
    ['2024-02-20T12:34:56.123456789+05:30', Date.UTC(2024, 1, 20, 7, 4, 56, 123)],
    ['2024-02-29 00:00:00-08:00', Date.UTC(2024, 1, 29, 8)],
    ['1979-12-31T23:59:59Z', Date.UTC(1979, 11, 31, 23, 59, 59)],
    ['0099-01-01T00:00:00Z', new Date('0099-01-01T00:00:00Z').getTime()],
  ])('reads %s', (text, expected) => {
    expect(parseTimestamp(text)).toBe(expected);
  });

  test.each([
    '2024-02-30T00:00:00Z', // Date makes 1 March of it
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00', // whose time?
    '2024-01-01',
    '0',
    '1708432496',
    '',
    ' 2024-02-20T12:34:56Z',
    '2024-02-20T12:34:56+24:00',
  ])('refuses %p', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});
