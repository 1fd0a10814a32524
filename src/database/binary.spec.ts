import { binaries, nonEmpty } from './binary.js';

describe('lists in a condition', () => {
  test('an empty list is refused', () => {
    expect(() => nonEmpty([])).toThrow('empty list');
    expect(() => binaries([])).toThrow('empty list');
  });

  test('values are kept in order', () => {
    expect(nonEmpty([2, 1])).toEqual([2, 1]);
    expect(binaries(['0a', 'ff'])).toEqual([Buffer.from([10]), Buffer.from([255])]);
  });
});
