import { acceptedEvent } from '../../test/support/events.js';
import { encodeEnvelope, envelopeReceivedAt } from './envelope.js';
import { encodeReplayOrder, readBufferedEntry } from './replay-order.js';

const LETTER = '0123456789abcdef0123456789abcdef';

describe('replay orders', () => {
  test('give back the entry as it was, and the letter', () => {
    const entry = encodeEnvelope(acceptedEvent({ receivedAt: 1_700_000_000_000 }));
    const order = encodeReplayOrder(LETTER, entry, 1_800_000_000_000);
    expect(readBufferedEntry(order)).toEqual({ text: entry, letterId: LETTER });
    expect(envelopeReceivedAt(order)).toBe(1_800_000_000_000);
  });

  test('an entry that is no order is itself, also one that cannot be read', () => {
    for (const text of [
      encodeEnvelope(acceptedEvent()),
      'not JSON',
      '{"v":"replay-1"',
      '{"v":"replay-1","z":"x","w":1}',
    ]) {
      expect(readBufferedEntry(text)).toEqual({ text });
    }
  });
});
