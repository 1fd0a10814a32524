import { decodeEnvelope, encodeEnvelope } from './envelope.js';
import type { AcceptedEvent } from './event.js';
import { isNamed, isOwn, peopleOf, userKeysOf, withoutAlias } from './person.js';

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
const until = (ms: number) => new Map(userKeysOf('ann').map((key) => [key, ms]));
const of = (said: Partial<AcceptedEvent>) => encodeEnvelope({ ...EVENT, ...said });
const unreadable = (said: object) => JSON.stringify({ ...JSON.parse(of({})), v: 99, ...said });

test.each<[string, string, 'own' | 'named' | 'neither']>([
  ['their own event', of({ userValue: 'ann' }), 'own'],
  ['their anonymous event', of({ userKind: 'anonymous', userValue: 'ann' }), 'own'],
  ['an event that names them as the anonymous id', of({ anonymousId: 'ann' }), 'named'],
  ['an event whose name and address are the same text', of({}), 'neither'],
  ['an unreadable one of theirs', unreadable({ u: 'ann' }), 'own'],
  ['an unreadable one that names them', unreadable({ n: 'ann' }), 'named'],
  ['an unreadable one of somebody else', unreadable({}), 'neither'],
  ['one of a version that calls ids otherwise', JSON.stringify({ v: 99, who: 'ann' }), 'own'],
  ['no JSON', 'ann', 'neither'],
])('%s', (_what, entry, expected) => {
  const people = peopleOf(entry);
  const meant = until(EVENT.receivedAt);
  expect([isOwn(people, meant), isNamed(people, meant)]).toEqual([expected === 'own', expected === 'named']);
});

test('what was received after the order is not meant', () => {
  for (const entry of [of({ userValue: 'ann' }), of({ anonymousId: 'ann' })]) {
    const people = peopleOf(entry);
    expect(isOwn(people, until(EVENT.receivedAt - 1)) || isNamed(people, until(EVENT.receivedAt - 1))).toBe(false);
  }
});

test('an entry without the anonymous id is otherwise the same', () => {
  const event = { ...EVENT, anonymousId: 'ann', metadata: '{"n":"ann"}' };
  expect(decodeEnvelope(withoutAlias(encodeEnvelope(event)))).toEqual(
    decodeEnvelope(encodeEnvelope({ ...event, anonymousId: undefined })),
  );
});
