import { encodeEnvelope, envelopeReceivedAt } from './envelope.js';
import type { AcceptedEvent } from './event.js';
import { encodeReplayOrder, readBufferedEntry } from './replay-order.js';

const LETTER = '0123456789abcdef0123456789abcdef';

const EVENT: AcceptedEvent = {
  id: '019b76d5a000700000000000000000aa',
  appId: '019b76d5a0007000070707070707070a',
  event: 'page_view',
  occurredAt: 1_700_000_000_000,
  receivedAt: 1_700_000_000_000,
  userKind: 'user',
  userValue: 'ann',
  device: 'desktop',
  payloadHash: '0123456789abcdef',
};

describe('replay orders', () => {
  test('give back the entry as it was, and the letter', () => {
    const entry = encodeEnvelope(EVENT);
    const order = encodeReplayOrder(LETTER, entry, 1_800_000_000_000);
    expect(readBufferedEntry(order)).toEqual({ text: entry, letterId: LETTER });
    expect(envelopeReceivedAt(order)).toBe(1_800_000_000_000);
  });

  test('an entry that is no order is itself, also one that cannot be read', () => {
    for (const text of [encodeEnvelope(EVENT), 'not JSON', '{"v":"replay-1"', '{"v":"replay-1","z":"x","w":1}']) {
      expect(readBufferedEntry(text)).toEqual({ text });
    }
  });
});
