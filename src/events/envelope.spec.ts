import fc from 'fast-check';
import { decodeEnvelope, encodeEnvelope, EnvelopeError, envelopeReceivedAt } from './envelope.js';
import { DEVICES, USER_KINDS, type AcceptedEvent } from './event.js';

const hex = (digits: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits }).map((all) => all.join(''));
const text = fc.string({ unit: 'binary' });
const event: fc.Arbitrary<AcceptedEvent> = fc.record(
  {
    id: hex(32),
    appId: hex(32),
    event: text,
    occurredAt: fc.integer({ min: 315_532_800_000, max: 9_999_999_999_999 }),
    receivedAt: fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }),
    userKind: fc.constantFrom(...USER_KINDS),
    userValue: text,
    device: fc.constantFrom(...DEVICES),
    payloadHash: hex(16),
    eventId: text,
    anonymousId: text,
    sessionId: text,
    url: text,
    referrer: text,
    browser: text,
    os: text,
    userAgent: text,
    ip: text,
    metadata: text,
  },
  {
    requiredKeys: [
      'id',
      'appId',
      'event',
      'occurredAt',
      'receivedAt',
      'userKind',
      'userValue',
      'device',
      'payloadHash',
    ],
  },
);

test('what is encoded comes back as it was, and its time of receipt can be read', () => {
  fc.assert(
    fc.property(event, (given) => {
      const envelope = encodeEnvelope(given);
      const back = Object.fromEntries(
        Object.entries(decodeEnvelope(envelope)).filter(([, value]) => value !== undefined),
      );
      expect(back).toEqual({ ...given });
      expect(envelopeReceivedAt(envelope)).toBe(given.receivedAt);
    }),
  );
});

describe('what is no envelope of a known version', () => {
  const [sample] = fc.sample(event, 1) as [AcceptedEvent];
  const known = JSON.parse(encodeEnvelope(sample)) as Record<string, unknown>;

  test.each([
    ['another version', { v: 2 }, 'envelope_version'],
    ['no version', { v: undefined }, 'envelope_version'],
    ['no id', { i: undefined }, 'envelope_malformed'],
    ['a short id', { i: 'abc' }, 'envelope_malformed'],
    ['an unknown device', { d: 9 }, 'envelope_malformed'],
    ['a device by its prototype', { d: 'length' }, 'envelope_malformed'],
    ['no time', { t: 'now' }, 'envelope_malformed'],
    ['a time that no date can hold', { t: 9e15 }, 'envelope_malformed'],
    ['a name that is no text', { e: 5 }, 'envelope_malformed'],
    ['a url that is no text', { l: 5 }, 'envelope_malformed'],
  ])('%s is reported as such', (_what, change, code) => {
    const read = () => decodeEnvelope(JSON.stringify({ ...known, ...change }));
    expect(read).toThrow(EnvelopeError);
    expect(read).toThrow(expect.objectContaining({ code }));
  });

  test.each(['', 'null', '5', '[]', '{'])('%p is reported as such', (entry) => {
    expect(() => decodeEnvelope(entry)).toThrow(EnvelopeError);
  });
});
