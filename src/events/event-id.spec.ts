import { formatUuid, parseUuid, storedEventId, storedIdTime, uuidV7, uuidV7Time } from './event-id.js';

const APP = '0'.repeat(32);
const OTHER = '1'.repeat(32);

describe('stored event ids', () => {
  test('the same event of the same app has the same id; another app, event or time has another', () => {
    const id = storedEventId(1000, APP, 'one');
    expect(storedEventId(1000, APP, 'one')).toBe(id);
    const others = [
      storedEventId(1001, APP, 'one'),
      storedEventId(1000, OTHER, 'one'),
      storedEventId(1000, APP, 'two'),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
  });

  test('without an event id each has its own', () => {
    expect(storedEventId(1000, APP, undefined)).not.toBe(storedEventId(1000, APP, undefined));
  });

  test('they are UUIDv7 of the event time, and order by it', () => {
    const early = storedEventId(Date.UTC(1980, 0, 1), APP, 'a');
    const late = storedEventId(Date.UTC(2026, 10, 24), APP, 'a');
    expect(uuidV7Time(formatUuid(late))).toBe(Date.UTC(2026, 10, 24));
    expect(storedIdTime(early)).toBe(Date.UTC(1980, 0, 1));
    expect(early < late).toBe(true);
  });
});

test('uuidV7Time reads UUIDv7 with and without dashes, in any case, and no other version', () => {
  const id = uuidV7(1_700_000_000_000);
  expect(uuidV7Time(id)).toBe(1_700_000_000_000);
  expect(uuidV7Time(formatUuid(id).toUpperCase())).toBe(1_700_000_000_000);
  expect(uuidV7Time('6ba7b810-9dad-41d1-80b4-00c04fd430c8')).toBeUndefined();
  expect(uuidV7Time('order-1')).toBeUndefined();
});

test('parseUuid and formatUuid are inverse; what is no UUID is refused', () => {
  const id = uuidV7(5);
  expect(parseUuid(formatUuid(id))).toBe(id);
  expect(parseUuid(id.toUpperCase())).toBe(id);
  expect(parseUuid(`${id}0`)).toBeUndefined();
  expect(parseUuid("' OR 1=1")).toBeUndefined();
});
