import { decodeEnvelope, EnvelopeError } from '../events/envelope.js';
import type { AcceptedEvent } from '../events/event.js';
import { readBufferedEntry } from '../events/replay-order.js';

/** An entry of the buffer beside what it says. */
export interface Entry {
  /** As collect put it into the buffer. */
  text: string;
  event: AcceptedEvent;
  /** The dead letter that is tried again by it; 32 hex digits. */
  letterId?: string;
}

/** An entry that must not be counted, and why. */
export interface Refused {
  text: string;
  code: string;
  reason: string;
  /** Where they could be read: 32 hex digits each. */
  appId?: string;
  storedId?: string;
  event?: AcceptedEvent;
  letterId?: string;
}

export interface Chunk {
  /** Sorted by (app, id) so that concurrent workers lock rows in one order; copies of one event keep their order. */
  entries: Entry[];
  refused: Refused[];
}

/** Reads the entries of a chunk; what is no envelope of a known version is put aside, not dropped. */
export function readChunk(texts: readonly string[]): Chunk {
  const entries: Entry[] = [];
  const refused: Refused[] = [];
  for (const buffered of texts) {
    const entry = readBufferedEntry(buffered);
    try {
      entries.push({ ...entry, event: decodeEnvelope(entry.text) });
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      refused.push({ ...entry, code: error.code, reason: error.message, appId: error.appId, storedId: error.id });
    }
  }
  entries.sort((a, b) => compare(eventKey(a.event), eventKey(b.event)));
  return { entries, refused };
}

/** (app, id): what makes an event one event. */
export function eventKey(event: Pick<AcceptedEvent, 'appId' | 'id'>): string {
  return event.appId + event.id;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
