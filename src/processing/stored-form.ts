import type { AcceptedEvent } from '../events/event.js';
import { type CarriedField, EVENT_FIELDS, type EventField, isCarried } from '../events/event-columns.js';
import type { StoredEventFields } from '../events/stored-event.js';
import { userKeyHex } from './user-keys.js';

type ValueOf<F extends EventField> = (event: AcceptedEvent, batchId: string) => StoredEventFields[F];

/** How to compute each column that is not simply an optional text of the accepted event. */
const MADE: { [F in Exclude<EventField, CarriedField> | 'anonymousId']: ValueOf<F> } = {
  id: ({ id }) => id,
  appId: ({ appId }) => appId,
  event: ({ event }) => event,
  occurredAt: ({ occurredAt }) => new Date(occurredAt),
  receivedAt: ({ receivedAt }) => new Date(receivedAt),
  userId: ({ userKind, userValue }) => (userKind === 'user' ? userValue : null),
  anonymousId: ({ userKind, userValue, anonymousId = null }) => (userKind === 'anonymous' ? userValue : anonymousId),
  device: ({ device }) => device,
  userKey: ({ userKind, userValue }) => userKeyHex(userKind, userValue),
  payloadHash: ({ payloadHash }) => payloadHash,
  batchId: (_event, batchId) => batchId,
};

const VALUES = EVENT_FIELDS.map((field): [EventField, ValueOf<EventField>] => {
  if (field !== 'anonymousId' && isCarried(field)) return [field, (event) => event[field] ?? null];
  return [field, MADE[field]];
});

/** An accepted event as MySQL stores it: the INSERT and the live copy both start from it. @param batchId 32 hex digits */
export function storedForm(event: AcceptedEvent, batchId: string): StoredEventFields {
  const made: Partial<Record<EventField, unknown>> = {};
  for (const [field, valueOf] of VALUES) made[field] = valueOf(event, batchId);
  return made as StoredEventFields;
}
