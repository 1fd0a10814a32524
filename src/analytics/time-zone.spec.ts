import fc from 'fast-check';
import { DAY_MS } from '../events/limits.js';
import { zoneOf } from '../common/time-zones.js';
import { firstMomentShowing, zoneClock } from './time-zone.js';

const HOUR_MS = 3_600_000;
const utc = (time: string): number => Date.parse(`${time}Z`);
const moment = (zone: string, local: string): string =>
  new Date(firstMomentShowing(zone, utc(local))).toISOString().slice(0, 16);

describe('zones that changed their clocks at 00:01', () => {
  test.each([
    ['America/St_Johns', '2010-03-14', '2010-03-14T03:30', 23],
    ['America/St_Johns', '2011-03-13', '2011-03-13T03:30', 23],
    ['America/Moncton', '2006-04-02', '2006-04-02T04:00', 23],
    ['Asia/Gaza', '2011-04-01', '2011-03-31T22:00', 23],
    ['Antarctica/Casey', '2020-10-04', '2020-10-03T16:00', 21],
  ])('%s %s: the day begins exactly, though its clock was set forward', (zone, day, begins, hours) => {
    expect(moment(zone, `${day}T00:00`)).toBe(begins);
    const next = firstMomentShowing(zone, utc(`${day}T00:00`) + DAY_MS);
    expect((next - firstMomentShowing(zone, utc(`${day}T00:00`))) / HOUR_MS).toBe(hours);
  });

  test('what is asked to begin in the hour that was left out begins at the next quarter-hour', () => {
    expect(moment('America/St_Johns', '2010-03-14T01:00')).toBe('2010-03-14T03:45'); // the jump was at 03:31
    expect(moment('America/St_Johns', '2010-03-14T01:15')).toBe('2010-03-14T03:45');
    expect(moment('America/St_Johns', '2010-03-14T01:30')).toBe('2010-03-14T04:00');
  });

  test('the 59 minutes that were shown again count to the new day', () => {
    // At 02:31 UTC the clock went from 00:01 back to 23:01 of the day before.
    expect(moment('America/St_Johns', '2010-11-07T00:00')).toBe('2010-11-07T02:30');
    expect(moment('America/St_Johns', '2010-11-07T01:00')).toBe('2010-11-07T04:30');
    expect(moment('America/St_Johns', '2010-11-08T00:00')).toBe('2010-11-08T03:30');
  });
});

test("a zone's clock shows what Intl says, at every moment and on days of a change", () => {
  const zones = ['UTC', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'Africa/Casablanca', 'Asia/Gaza'];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: utc('2005-01-01T00:00'), max: utc('2030-01-01T00:00') }),
      fc.integer({ min: 1, max: 500 }),
      (zone, from, hours) => {
        const clock = zoneClock(zone);
        for (let hour = 0; hour < hours; hour += 1) {
          const ms = from + hour * HOUR_MS;
          expect(clock(ms)).toBe(zoneOf(zone).offset(ms) * 60_000);
        }
      },
    ),
    { numRuns: 60 },
  );
});
