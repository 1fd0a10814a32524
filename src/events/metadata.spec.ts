import { metadataFault } from './metadata.js';

const nested = (depth: number): object => (depth === 1 ? {} : { in: nested(depth - 1) });

test.each([
  [{}],
  [{ a: 1.5, b: -(2 ** 53) + 1, c: [null, true, 'x'], 'naïve key': '🙂' }],
  [nested(16)],
  [{ text: 'x'.repeat(32 * 1024 - 11) }],
])('keeps what comes back as it was (%#)', (metadata) => {
  expect(metadataFault(metadata)).toBeUndefined();
});

test.each([
  [{ a: JSON.parse('1e999') as number }, 'too large'],
  [{ a: 2 ** 53 }, '2^53'],
  [{ a: ['\ud800'] }, 'surrogate'],
  [{ '\udfff': 1 }, 'surrogate'],
  [nested(17), 'deeper than 16'],
  [{ text: 'x'.repeat(32 * 1024) }, 'the limit is 32768'],
  [{ text: '🙂'.repeat(8 * 1024) }, 'the limit is 32768'],
])('says why it cannot keep the rest (%#)', (metadata, why) => {
  expect(metadataFault(metadata)).toContain(why);
});
