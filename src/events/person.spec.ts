import { encodeEnvelope } from './envelope.js';
import type { AcceptedEvent } from './event.js';
import { isOfPerson, userKeysOf } from './person.js';

const EVENT: AcceptedEvent = {
  id: '0190f5a17c2b7d3e8f4a1b2c3d4e5f60',
  appId: '0'.repeat(32),
  event: 'ann',
  occurredAt: 1_700_000_000_000,
  receivedAt: 1_700_000_000_000,
  userKind: 'user',
  userValue: 'bob',
  device: 'other',
  payloadHash: '0'.repeat(16),
  url: 'ann',
} as AcceptedEvent;
const ANN = new Set(userKeysOf('ann'));
const of = (said: Partial<AcceptedEvent>) => encodeEnvelope({ ...EVENT, ...said });
const unreadable = (said: object) => JSON.stringify({ ...JSON.parse(of({})), v: 99, ...said });

test.each<[string, string, boolean]>([
  ['their own event', of({ userValue: 'ann' }), true],
  ['their anonymous event', of({ userKind: 'anonymous', userValue: 'ann' }), true],
  ['an event that names them as the anonymous id', of({ anonymousId: 'ann' }), true],
  ['an event whose name and address are the same text', of({}), false],
  ['an unreadable one of theirs', unreadable({ u: 'ann' }), true],
  ['an unreadable one that names them', unreadable({ n: 'ann' }), true],
  ['an unreadable one of somebody else', unreadable({}), false],
  ['one of a version that calls ids otherwise', JSON.stringify({ v: 99, who: 'ann' }), true],
  ['no JSON', 'ann', false],
])('%s', (_what, entry, expected) => {
  expect(isOfPerson(entry, ANN)).toBe(expected);
});

test('what was received after the order is not meant', () => {
  const entry = of({ userValue: 'ann' });
  expect(isOfPerson(entry, ANN, EVENT.receivedAt)).toBe(true);
  expect(isOfPerson(entry, ANN, EVENT.receivedAt - 1)).toBe(false);
});
