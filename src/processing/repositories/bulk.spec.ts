import fc from 'fast-check';
import { sqlTime } from './bulk.js';

describe('sqlTime', () => {
  test('writes milliseconds since 1970 as DATETIME(3) in UTC, whatever was written before', () => {
    const times = fc.array(fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2999, 11, 31) }), { minLength: 1 });
    fc.assert(
      fc.property(times, fc.nat(5000), (list, step) => {
        for (const ms of list.flatMap((one) => [one, one + step, one])) {
          expect(sqlTime(ms)).toBe(new Date(ms).toISOString().replace('T', ' ').replace('Z', ''));
        }
      }),
    );
  });
});
