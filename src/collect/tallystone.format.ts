import { canonicalAddress } from '../common/addresses.js';
import { InvalidInputError } from '../common/app-error.js';
import { checkedPayload } from '../common/payload.pipe.js';
import { takeKey } from '../common/presented-token.js';
import { fits, isBlank } from '../events/characters.js';
import type { ClientEvent } from '../events/client-event.js';
import type { AcceptedEvent, Metadata } from '../events/event.js';
import { formatUuid } from '../events/event-id.js';
import { BATCH_MAX_EVENTS, USER_ID_MAX } from '../events/limits.js';
import { parseTimestamp } from '../events/timestamp.js';
import { type AcceptedDto, type AcceptedIdsDto, type BatchAcceptedDto, BatchDto } from './collect.dto.js';
import { EventDto } from './event.dto.js';
import type { RejectedEvent, IngestFormat } from './ingest-format.js';

/** Names of the top-level field that may hold an API key; the first one with a text decides. */
const KEY_FIELDS = ['apiKey', 'api_key'] as const;

/** Our own format, one event: the body is an {@link EventDto}. */
export const ONE_EVENT: IngestFormat<AcceptedDto> = {
  keyFields: KEY_FIELDS,
  maxEvents: 1,
  parse: (body) => (isObject(body) ? { key: takeKey(body, KEY_FIELDS), events: [body] } : { events: [] }),
  check: assertObject,
  event: (entry, errorsMax) => clientEvent(checkedPayload(EventDto, asObject(entry), false, errorsMax)),
  answer: ({ accepted: [event], rejected: [rejection] }) => {
    if (rejection) throw rejection.error;
    return { ...answerIds(event!), receivedAt: new Date(event!.receivedAt).toISOString() };
  },
};

/** Our own format, up to 1,000 events: the body is a {@link BatchDto}. Each event stands for itself. */
export const EVENT_BATCH: IngestFormat<BatchAcceptedDto> = {
  keyFields: KEY_FIELDS,
  eventsField: 'events',
  maxEvents: BATCH_MAX_EVENTS,
  parse: (body) => {
    if (!isObject(body)) return { events: [] };
    const key = takeKey(body, KEY_FIELDS);
    const { events, sentAt } = body;
    return { key, events: Array.isArray(events) ? events : [], sentAt: timeIn(sentAt ?? body.sent_at) };
  },
  check: (body) => {
    checkedPayload(BatchDto, asObject(body));
  },
  event: (entry, errorsMax) => clientEvent(checkedPayload(EventDto, keyless(entry), false, errorsMax)),
  answer: ({ accepted, rejected }) => {
    if (accepted.length === 0) throw noneValid(rejected);
    return { accepted: accepted.length, events: accepted.map(answerIds), rejected: rejected.map(rejectedDto) };
  },
};

/**
 * The client's own fields under our names. Null counts as absent.
 * @throws InvalidInputError where the fields do not go together
 */
export function clientEvent(dto: EventDto): ClientEvent {
  const metadata = oneOf(dto, 'metadata', 'properties');
  return {
    event: dto.event,
    eventId: dto.eventId ?? undefined,
    timestamp: timeIn(dto.timestamp),
    sentAt: timeIn(dto.sentAt),
    userId: oneOf(dto, 'userId', 'trackingUserId', 'distinctId') ?? metadataUserId(metadata),
    anonymousId: dto.anonymousId ?? undefined,
    sessionId: dto.sessionId ?? undefined,
    url: dto.url ?? undefined,
    // The browser's own is empty where there was none.
    referrer: dto.referrer || undefined,
    device: dto.device ?? undefined,
    userAgent: dto.userAgent ?? undefined,
    ipAddress: dto.ipAddress ? canonicalAddress(dto.ipAddress) : undefined,
    metadata,
  };
}

/**
 * The value of a field that has several names. Null counts as absent.
 * @throws InvalidInputError when two of the names are given with different values: one of them would be dropped
 */
function oneOf<K extends keyof EventDto>(dto: EventDto, ...names: readonly K[]): NonNullable<EventDto[K]> | undefined {
  let found: K | undefined;
  for (const name of names) {
    if (dto[name] === undefined || dto[name] === null) continue;
    if (found === undefined) found = name;
    else if (dto[name] !== dto[found]) {
      const message = `is given beside ${found}, which is another name for it: send one of them`;
      throw new InvalidInputError([{ field: name, message }]);
    }
  }
  return found === undefined ? undefined : (dto[found] ?? undefined);
}

function metadataUserId(metadata: Metadata | undefined): string | undefined {
  const value = metadata?.userId;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string' || isBlank(value)) return undefined;
  if (!fits(value, USER_ID_MAX)) {
    throw new InvalidInputError([{ field: 'metadata.userId', message: `must be at most ${USER_ID_MAX} characters` }]);
  }
  if (value.includes('\0')) {
    throw new InvalidInputError([{ field: 'metadata.userId', message: 'must be text without NUL' }]);
  }
  return value;
}

/** A time in ms; undefined when the value is not a time. `check` reports such a value. */
function timeIn(value: unknown): number | undefined {
  return typeof value === 'string' ? parseTimestamp(value) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function assertObject(body: unknown): asserts body is Record<string, unknown> {
  if (!isObject(body)) throw new InvalidInputError([{ field: 'body', message: 'must be a JSON object' }]);
}

function asObject(body: unknown): Record<string, unknown> {
  assertObject(body);
  return body;
}

/** An event of a batch. @throws InvalidInputError for one that is no object, or holds a key */
function keyless(entry: unknown): Record<string, unknown> {
  if (!isObject(entry)) throw new InvalidInputError([{ field: 'event', message: 'must be a JSON object' }]);
  if (Object.hasOwn(entry, 'apiKey')) {
    throw new InvalidInputError([{ field: 'apiKey', message: 'belongs beside events, not inside one' }]);
  }
  return entry;
}

function answerIds(event: AcceptedEvent): AcceptedIdsDto {
  const id = formatUuid(event.id);
  return { eventId: event.eventId ?? id, id };
}

function rejectedDto({ index, error, errors }: RejectedEvent): BatchAcceptedDto['rejected'][number] {
  const { code, serverTime } = error;
  return { index, code, errors: [...errors], ...(serverTime ? { serverTime } : {}) };
}

function noneValid(rejected: readonly RejectedEvent[]): InvalidInputError {
  const errors = rejected.flatMap(({ index, errors: fields }) =>
    fields.map(({ field, message }) => ({ field: `events[${index}].${field}`, message })),
  );
  const codes = new Set(rejected.map(({ error }) => error.code));
  const serverTime = rejected.find(({ error }) => error.serverTime)?.error.serverTime;
  return new InvalidInputError(errors, codes.size === 1 ? [...codes][0] : 'invalid_input', serverTime);
}
