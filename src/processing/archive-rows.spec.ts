import { archiveRows, type Sighting } from './archive-rows.js';

const APP = Buffer.alloc(16, 1);
const seen = (user: number, quarter: number, event = 'view', day = 20_000): Sighting => ({
  ...{ event: Buffer.from(event), userKey: Buffer.alloc(16, user), day, quarter },
});

test('a user of an event and day is one row, however often and in whatever order they were seen', () => {
  const rows = archiveRows(APP, [seen(2, 95), seen(1, 0), seen(2, 48), seen(1, 47), seen(1, 0), seen(2, 95)]);
  expect(rows.map(({ userKey, quarters }) => [userKey[0], ...quarters])).toEqual([
    [1, 1 + 2 ** 47, 0],
    [2, 0, 1 + 2 ** 47],
  ]);
});

test('events and days are apart, in the order of the key', () => {
  const rows = archiveRows(APP, [seen(1, 1, 'b'), seen(1, 1, 'a', 20_001), seen(1, 1, 'a')]);
  expect(rows.map(({ day, event }) => `${day} ${event.toString()}`)).toEqual(['20000 a', '20000 b', '20001 a']);
});
