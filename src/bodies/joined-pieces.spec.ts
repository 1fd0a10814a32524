import { randomBytes } from 'node:crypto';
import { JoinedPieces } from './joined-pieces.js';

/** @returns what was held in total */
function add(pieces: JoinedPieces, body: Buffer, sizes: (at: number) => number): number {
  let held = 0;
  for (let at = 0; at < body.length;) {
    const end = at + sizes(at);
    held += pieces.add(body.subarray(at, end));
    at = end;
  }
  return held;
}

describe('the pieces of a body', () => {
  const body = randomBytes(100_000);

  test.each([
    ['one by one', () => 1],
    ['in packets', () => 1400],
    ['in large pieces', () => 64 * 1024],
    ['at once', () => body.length],
    ['small and large by turns', (at: number) => (at % 3 === 0 ? 7 : 5000)],
  ])('come back as they were: %s', (_how, sizes) => {
    const pieces = new JoinedPieces();
    const held = add(pieces, body, sizes);
    expect(pieces.joined().equals(body)).toBe(true);
    // What small pieces are copied to is counted as a whole.
    expect(held).toBeGreaterThanOrEqual(body.length);
  });

  test('tiny ones hold no more memory than is counted', () => {
    const pieces = new JoinedPieces();
    const { arrayBuffers } = process.memoryUsage();
    const tiny = randomBytes(2_000_000);
    const held = add(pieces, tiny, () => 1);
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(held + tiny.length + 1_000_000);
    expect(pieces.joined().equals(tiny)).toBe(true);
    expect(held).toBeLessThan(tiny.length + 2 * 4096);
  });

  test('a body that comes in one piece is not copied', () => {
    const pieces = new JoinedPieces();
    pieces.add(body);
    expect(pieces.joined()).toBe(body);
  });
});
