import { packEventIds, unpackEventIds } from './event-ids.js';

const key = (app: string, id: number) => ({ appId: app.repeat(32), id: id.toString(16).padStart(32, '0') });

test('the ids of several apps come out as they went in', () => {
  const keys = [key('a', 1), key('a', 2), key('b', 1), key('c', 70_000)];
  const found = [...unpackEventIds(packEventIds(keys))].flatMap(([appId, ids]) =>
    ids.map((id) => ({ appId, id: id.toString('hex') })),
  );
  expect(found).toEqual(keys);
});

test('an event takes its 16 bytes, and an app 20', () => {
  expect(packEventIds([]).length).toBe(0);
  expect(packEventIds(Array.from({ length: 1000 }, (_none, i) => key('a', i))).length).toBe(16_020);
});
