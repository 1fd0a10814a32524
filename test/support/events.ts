import type { AcceptedEvent } from '../../src/events/event.js';
import { storedEventId, uuidV7 } from '../../src/events/event-id.js';
import { payloadHash } from '../../src/events/payload-hash.js';

/** An event as collect would have accepted it, for tests that speak to the buffer itself. */
export function acceptedEvent(said: Partial<AcceptedEvent> = {}): AcceptedEvent {
  const now = Date.now();
  const occurredAt = said.occurredAt ?? now;
  const appId = said.appId ?? APP;
  const content = { event: said.event ?? 'page_view', url: said.url, occurredAt };
  return {
    id: storedEventId(occurredAt, appId, said.eventId),
    appId,
    event: 'page_view',
    occurredAt,
    receivedAt: now,
    userKind: 'user',
    userValue: 'ann',
    device: 'desktop',
    payloadHash: payloadHash(content),
    ...said,
  };
}

/** Some app; processing asks of no app whether it exists. */
export const APP = uuidV7(Date.UTC(2026, 0, 1), Buffer.alloc(10, 7));
