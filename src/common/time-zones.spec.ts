import { calendarDate, isTimeZone, zoneOf } from './time-zones.js';

test.each(['Europe/Berlin', 'UTC', 'Asia/Kolkata', 'Asia/Calcutta', 'US/Eastern', 'Etc/GMT+5'])(
  '%s is a zone',
  (name) => {
    expect(isTimeZone(name)).toBe(true);
    expect(zoneOf(name).isValid).toBe(true);
  },
);

test.each(['', '+02:00', '-05', 'Mars/Olympus', 'Europe/Berlin ', 'Europe'])('%j is none', (name) => {
  expect(isTimeZone(name)).toBe(false);
});

test('every spelling of a name is the same zone, kept once', () => {
  const spellings = Array.from({ length: 200 }, (_n, i) =>
    [...'america/argentina/buenos_aires'].map((c, at) => ((i >> (at % 8)) & 1 ? c.toUpperCase() : c)).join(''),
  );
  const zones = new Set(spellings.map(zoneOf));
  expect(zones.size).toBe(1);
  expect([...zones][0]!.offset(Date.UTC(2024, 0, 1))).toBe(-180);
});

describe('calendarDate', () => {
  const at = (zone: string, time: string): string => calendarDate(zone, Date.parse(time));

  test('is what calendars in the zone show, also where the same zone was asked before', () => {
    expect(at('America/Los_Angeles', '2026-11-24T23:50:00Z')).toBe('2026-11-24');
    expect(at('America/Los_Angeles', '2026-11-25T00:10:00Z')).toBe('2026-11-24');
    expect(at('America/Los_Angeles', '2026-11-25T07:59:59.999Z')).toBe('2026-11-24');
    expect(at('america/los_angeles', '2026-11-25T08:00:00Z')).toBe('2026-11-25');
    expect(at('America/Los_Angeles', '2026-11-24T07:59:59.999Z')).toBe('2026-11-23');
    expect(at('Pacific/Kiritimati', '2026-11-24T10:00:00Z')).toBe('2026-11-25');
    expect(at('Etc/GMT+12', '2026-11-25T11:59:59Z')).toBe('2026-11-24');
    expect(at('Asia/Kathmandu', '2026-11-24T18:15:00Z')).toBe('2026-11-25');
    expect(at('Nowhere/Else', '2026-11-24T23:59:59Z')).toBe('2026-11-24');
  });

  test.each([
    ['Europe/Berlin', '2026-10-25'], // 25 hours
    ['Europe/Berlin', '2026-03-29'], // 23 hours
    ['America/Havana', '2026-03-08'], // begins at 01:00
    ['America/Havana', '2026-11-01'], // has its midnight hour twice
    ['Pacific/Apia', '2011-12-31'], // the day after a day that never was
  ])('agrees with Intl all through %s around %s', (zone, date) => {
    const intl = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
    const noon = Date.parse(`${date}T12:00:00Z`);
    for (let ms = noon - 48 * 3_600_000; ms < noon + 48 * 3_600_000; ms += 15 * 60_000) {
      expect(calendarDate(zone, ms)).toBe(intl.format(ms));
    }
  });
});
