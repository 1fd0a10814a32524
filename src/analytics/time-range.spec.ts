import fc from 'fast-check';
import { InvalidInputError } from '../common/app-error.js';
import { timeRange } from './time-range.js';

const QUARTER_MS = 900_000;

/** The range's ends as UTC times. */
function utc(start: string, end: string, zone: string): [string, string] {
  const { startQuarter, endQuarter } = timeRange(start, end, zone);
  const text = (quarter: number): string => new Date(quarter * QUARTER_MS).toISOString().slice(0, 16);
  return [text(startQuarter), text(endQuarter)];
}

describe('whole days', () => {
  test.each([
    ['UTC', '2024-02-20', '2024-02-20T00:00', '2024-02-21T00:00'],
    ['Asia/Kolkata', '2024-02-20', '2024-02-19T18:30', '2024-02-20T18:30'],
    ['Asia/Kathmandu', '2024-02-20', '2024-02-19T18:15', '2024-02-20T18:15'],
    ['America/St_Johns', '2024-02-20', '2024-02-20T03:30', '2024-02-21T03:30'],
    ['Pacific/Chatham', '2024-02-20', '2024-02-19T10:15', '2024-02-20T10:15'],
    // 23 hours and 25 hours.
    ['America/New_York', '2024-03-10', '2024-03-10T05:00', '2024-03-11T04:00'],
    ['America/New_York', '2024-11-03', '2024-11-03T04:00', '2024-11-04T05:00'],
    // 23.5 hours.
    ['Australia/Lord_Howe', '2024-10-06', '2024-10-05T13:30', '2024-10-06T13:00'],
    // No midnight: the clock jumps from 24:00 to 01:00.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00', '2018-11-05T02:00'],
    ['Asia/Beirut', '2024-03-31', '2024-03-30T22:00', '2024-03-31T21:00'],
    // Two midnights: the first one counts.
    ['America/Havana', '2024-11-03', '2024-11-03T04:00', '2024-11-04T05:00'],
    // The clock went back at 00:00 to 23:00 of the day before, which so has 25 hours.
    ['America/Sao_Paulo', '2018-02-17', '2018-02-17T02:00', '2018-02-18T03:00'],
    // Offsets of Nepal before 1986.
    ['Asia/Kathmandu', '1985-06-01', '1985-05-31T18:30', '1985-06-01T18:30'],
  ])('%s %s', (zone, day, start, end) => expect(utc(day, day, zone)).toEqual([start, end]));

  test('from the first to the last, both included', () => {
    expect(utc('2024-03-09', '2024-03-11', 'America/New_York')).toEqual(['2024-03-09T05:00', '2024-03-12T04:00']);
  });

  test('days without end or beginning are open', () => {
    expect(timeRange(undefined, undefined, 'Asia/Kathmandu').startQuarter).toBe(0);
    expect(timeRange('2024-01-01', undefined, 'UTC').endQuarter).toBeGreaterThan(Date.UTC(9999, 11, 31) / QUARTER_MS);
    expect(timeRange(undefined, '1969-01-01', 'UTC')).toEqual({ startQuarter: 0, endQuarter: 0 });
  });

  test('every day begins where the day before it ends, in every zone that is not a whole hour off', () => {
    const zones = ['Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns', 'America/New_York', 'America/Sao_Paulo'];
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 3660, max: 25_000 }), (zone, day) => {
        const text = (n: number): string => new Date(n * 86_400_000).toISOString().slice(0, 10);
        const today = timeRange(text(day), text(day), zone);
        const tomorrow = timeRange(text(day + 1), text(day + 1), zone);
        expect(today.endQuarter).toBe(tomorrow.startQuarter);
        expect(today.endQuarter - today.startQuarter).toBeGreaterThanOrEqual(88);
        expect(today.endQuarter - today.startQuarter).toBeLessThanOrEqual(104);
      }),
    );
  });
});

describe('clock times', () => {
  test.each([
    ['2024-02-20T12:30', '2024-02-20T12:45', 'Asia/Kathmandu', '2024-02-20T06:45', '2024-02-20T07:00'],
    ['2024-02-20T12:30:00Z', '2024-02-20T18:15+05:30', 'America/New_York', '2024-02-20T12:30', '2024-02-20T12:45'],
    // A time that the clock shows twice is the first, one that it jumps over is the jump.
    ['2024-11-03T01:30', '2024-11-03T02:00', 'America/New_York', '2024-11-03T05:30', '2024-11-03T07:00'],
    ['2024-03-10T02:30', '2024-03-10T03:00', 'America/New_York', '2024-03-10T07:00', '2024-03-10T07:00'],
    // Mixed: the day's end is included, the time's is not.
    ['2024-02-20T12:00', '2024-02-20', 'UTC', '2024-02-20T12:00', '2024-02-21T00:00'],
    ['2024-02-20', '2024-02-20T12:00', 'UTC', '2024-02-20T00:00', '2024-02-20T12:00'],
  ])('%s to %s in %s', (start, end, zone, from, to) => expect(utc(start, end, zone)).toEqual([from, to]));
});

describe('refuses, naming the field', () => {
  test.each([
    ['2024-02-20T12:31', undefined, 'UTC', 'startDate'],
    ['2024-02-20', '2024-02-20T12:00:01Z', 'UTC', 'endDate'],
    ['2024-02-20T12:00+05:50', undefined, 'UTC', 'startDate'],
    ['2024-02-21', '2024-02-20', 'UTC', 'endDate'],
    ['2024-02-21T00:00', '2024-02-20', 'UTC', 'endDate'],
    ['2024-02-21', '2024-02-20T23:45', 'UTC', 'endDate'],
    ['2024-02-20T13:00Z', '2024-02-20T12:00Z', 'UTC', 'endDate'],
    // Samoa crossed the date line: there was no such day.
    ['2011-12-30', '2011-12-30', 'Pacific/Apia', 'startDate'],
  ])('%s to %s in %s', (start, end, zone, field) => {
    expect(() => timeRange(start, end, zone)).toThrow(InvalidInputError);
    expect(() => timeRange(start, end, zone)).toThrow(new RegExp(`^${field}:`));
  });
});
