import type { AcceptedEvent } from '../events/event.js';
import { sumRollups } from './rollup-sums.js';

const MIDNIGHT = Date.UTC(2026, 2, 8);
const app = (digit: string) => digit.repeat(32);

function event(said: Partial<AcceptedEvent>): AcceptedEvent {
  return {
    id: '0'.repeat(32),
    appId: app('a'),
    event: 'view',
    occurredAt: MIDNIGHT,
    receivedAt: MIDNIGHT,
    userKind: 'user',
    userValue: 'ann',
    device: 'mobile',
    payloadHash: '0'.repeat(16),
    ...said,
  };
}

test('sums by quarter-hour and device, for the name and for all names', () => {
  const { summary } = sumRollups([
    event({}),
    event({ occurredAt: MIDNIGHT + 899_999 }),
    event({ occurredAt: MIDNIGHT + 900_000 }),
    event({ event: 'click', device: 'bot' }),
  ]);
  const quarter = MIDNIGHT / 900_000;
  expect(summary).toEqual([
    { appId: app('a'), event: '', quarter, device: 'bot', n: 1 },
    { appId: app('a'), event: '', quarter, device: 'mobile', n: 2 },
    { appId: app('a'), event: '', quarter: quarter + 1, device: 'mobile', n: 1 },
    { appId: app('a'), event: 'click', quarter, device: 'bot', n: 1 },
    { appId: app('a'), event: 'view', quarter, device: 'mobile', n: 2 },
    { appId: app('a'), event: 'view', quarter: quarter + 1, device: 'mobile', n: 1 },
  ]);
});

test('a person has the totals of all events, and the device of the newest by (time, id)', () => {
  const { people } = sumRollups([
    event({ occurredAt: MIDNIGHT + 5, id: 'b'.repeat(32), device: 'tablet', browser: 'Firefox' }),
    event({ occurredAt: MIDNIGHT + 5, id: 'a'.repeat(32), device: 'desktop' }),
    event({ occurredAt: MIDNIGHT + 1 }),
    event({ userKind: 'visitor' }),
  ]);
  expect(people).toHaveLength(2);
  expect(people.find((cell) => cell.userKind === 'user')).toMatchObject({
    totalEvents: 3,
    firstSeen: MIDNIGHT + 1,
    lastSeen: MIDNIGHT + 5,
    lastId: 'b'.repeat(32),
    device: 'tablet',
    browser: 'Firefox',
  });
});

test('cells come in the order of the primary keys: names by their bytes, not by their letters', () => {
  const names = ['a', 'B', 'a ', 'ä', 'a\u0000', '\u{1F600}', '\uFFFD'];
  const { summary } = sumRollups(names.map((name) => event({ event: name })));
  const bytes = summary.map((cell) => Buffer.from(cell.event));
  expect(bytes).toEqual([...bytes].sort(Buffer.compare));
});
