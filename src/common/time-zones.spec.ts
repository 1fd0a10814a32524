import { isTimeZone, zoneOf } from './time-zones.js';

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
