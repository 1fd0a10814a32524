/**
 * A dead letter that is to be tried again travels through the buffer like any event, as an order that wraps the entry
 * as it was. It names the letter, so that the transaction which stores the event takes the letter away: at no moment is
 * the event in both, or in neither. A worker of a version that knows no orders parks it like every version it does not
 * know.
 */
const ORDER_VERSION = 'replay-1';

/** @param letterId 32 hex digits @param receivedAt ms, of the order: the backlog's age counts from it */
export function encodeReplayOrder(letterId: string, entry: string, receivedAt: number): string {
  return JSON.stringify({ v: ORDER_VERSION, r: receivedAt, z: letterId, w: entry });
}

/** What lies in the buffer: an entry, or an order to try a dead letter's entry again. */
export interface BufferedEntry {
  /** The envelope as collect wrote it. */
  text: string;
  /** The dead letter that it was; 32 hex digits. */
  letterId?: string;
}

export function readBufferedEntry(text: string): BufferedEntry {
  if (!text.startsWith(`{"v":"${ORDER_VERSION}"`)) return { text };
  try {
    const { z: letterId, w: entry } = JSON.parse(text) as { z?: unknown; w?: unknown };
    if (typeof entry === 'string' && typeof letterId === 'string' && /^[0-9a-f]{32}$/.test(letterId)) {
      return { text: entry, letterId };
    }
  } catch {
    // No order then: it is parked like every entry that cannot be read.
  }
  return { text };
}
