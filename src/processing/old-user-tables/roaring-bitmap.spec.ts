import { gunzipSync } from 'node:zlib';
import { roaringNumbers } from './roaring-bitmap.js';

const range = (from: number, before: number, step = 1): number[] =>
  Array.from({ length: Math.ceil((before - from) / step) }, (_none, i) => from + i * step);

/** As roaring-wasm 1.1 wrote them, which earlier releases used. */
test.each<[string, number[], string]>([
  [
    'arrays',
    [0, 5, 65_535, 65_536, 4_294_967_295],
    'H4sIAAAAAAACAx3IMQ4AEAAEsCL+YRKj2f//dULHnk3zVAUJAxPrf/+XXOIwGzgqAAAA',
  ],
  [
    'runs, with too few containers for a list of offsets',
    [...range(10, 5000), 100_000, 100_002, ...range(200_000, 200_100)],
    'H4sIAAAAAAACA7M2YGJgZWCoFWZkYGRgZkhmYGTgYqgVXtC2qI2RwYE3mQEA341WiiEAAAA=',
  ],
  ['a bitmap', range(0, 20_000, 2), 'H4sIAAAAAAACA+3BMQ0AIBAEsEMBuGBlxsf7t0JYcUDSdq+k5epzJCkAAL4TAAAAAAB4HKhmO7AQIAAA'],
])('reads %s', (_what, numbers, stored) => {
  expect(roaringNumbers(gunzipSync(Buffer.from(stored, 'base64')))).toEqual(numbers);
});

test('refuses what is no roaring bitmap', () => {
  expect(() => roaringNumbers(Buffer.alloc(8))).toThrow('No roaring bitmap');
});
