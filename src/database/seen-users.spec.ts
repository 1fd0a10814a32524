import {
  mergeSightings,
  packSightings,
  readSightings,
  readUsers,
  sightedNumber,
  sightedQuarter,
  sighting,
  unpackSightings,
  usersSeenInEach,
  writeSightings,
} from './seen-users.js';

const KEYS = ['00'.repeat(16), 'ff'.repeat(16), '0123456789abcdef0123456789abcdef'];

/** Seeded, so that a failure can be seen again. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function sightings(seed: number, count: number, users: number): number[] {
  const next = random(seed);
  const all = Array.from({ length: count }, () => sighting(Math.floor(next() * users), Math.floor(next() * 96)));
  return [...new Set(all)].sort((a, b) => a - b);
}

describe('sightings of users', () => {
  test('what a batch adds comes back as it went', () => {
    const added = KEYS.flatMap((key) => [0, 47, 48, 95].map((quarter) => [key, quarter] as [string, number]));
    expect(unpackSightings(packSightings(added))).toEqual(added);
    expect(unpackSightings(packSightings([]))).toEqual([]);
  });

  test.each([
    ['none', []],
    ['one', [sighting(0, 0)]],
    ['the highest', [sighting(2 ** 32 - 1, 95)]],
    ['some', sightings(1, 500, 40)],
    ['many, sparse', sightings(2, 5000, 1_000_000)],
    ['many, dense', sightings(3, 20_000, 9000)],
  ])('sealed and read again: %s', (_name, list) => {
    const sealed = writeSightings(list);
    expect([...readSightings(sealed)]).toEqual(list);
    const users = readUsers(sealed.users);
    expect(users.toArray()).toEqual([...new Set(list.map(sightedNumber))]);
    users.dispose();
    expect(sealed.quarters).toHaveLength(list.length);
  });

  test('two lists become one, each sighting once', () => {
    const [a, b] = [sightings(4, 300, 20), sightings(5, 300, 20)];
    const both = [...new Set([...a, ...b])].sort((x, y) => x - y);
    expect(both.length).toBeLessThan(a.length + b.length);
    expect([...mergeSightings(a, b)]).toEqual(both);
    expect([...mergeSightings([], b)]).toEqual(b);
    expect([...mergeSightings(a, [])]).toEqual(a);
  });

  test('asked by quarter-hours', () => {
    const list = sightings(6, 400, 90);
    const sealed = writeSightings(list);
    const asked = [(q: number) => q < 22, (q: number) => q >= 22, (q: number) => q === 50, () => false];
    const listsAt = Array.from({ length: 96 }, (_none, q) => asked.flatMap((is, list) => (is(q) ? list : [])));
    const found = usersSeenInEach(sealed, listsAt, asked.length);
    for (const [index, is] of asked.entries()) {
      const expected = [...new Set(list.filter((one) => is(sightedQuarter(one))).map(sightedNumber))];
      expect(found[index]).toEqual(expected);
    }
  });
});
