import { InvalidInputError } from '../common/app-error.js';
import type { ClientEvent } from '../events/client-event.js';
import { visitorId } from '../events/distinct-user.js';
import type { AcceptedEvent, UserKind } from '../events/event.js';
import { storedEventId, uuidV7Time } from '../events/event-id.js';
import type { IpMode } from '../events/ip-mode.js';
import { CLOCK_SKEW_MS, DAY_MS, EARLIEST_TIME_MS, FUTURE_TOLERANCE_MS } from '../events/limits.js';
import { metadataText } from '../events/metadata.js';
import { NO_PAYLOAD_HASH, payloadHash } from '../events/payload-hash.js';
import type { Platform } from '../events/platform.js';
import type { ClientDevice } from './client-device.js';

/** What holds for every event of a request: its key's app, the address, the User-Agent, the time. Times in ms since 1970 UTC. */
export interface IngestContext {
  appId: string;
  ipMode: IpMode;
  /** Of the app; undefined when its owner did not say. */
  platform?: Platform;
  retentionDays: number | null;
  /** The app's events from before this have been deleted; undefined: none were. */
  deletedBefore?: number;
  receivedAt: number;
  /** Of the connection or, where a trusted proxy names one, of the visitor: whole, in canonical spelling. */
  address: string;
  userAgent: string | undefined;
  /** When the client sent the request; an event's own `sentAt` comes first. */
  sentAt: number | undefined;
  /** Secret of the day of receipt, as the app's time zone has it. */
  visitorSecret: Buffer;
}

/**
 * Makes the accepted event of a client event: sets its id, its time and its user.
 * @param ip what is stored of the address
 * @throws InvalidInputError when the time is out of range, or when `eventId` comes without a time that makes it unique
 */
export function normalised(
  fields: ClientEvent,
  ip: string | undefined,
  device: ClientDevice,
  context: IngestContext,
): AcceptedEvent {
  const { idTime, occurredAt } = eventTime(fields, context);
  const user = distinctUser(fields, context);
  return {
    id: storedEventId(idTime, context.appId, fields.eventId),
    appId: context.appId,
    eventId: fields.eventId,
    event: fields.event,
    occurredAt,
    receivedAt: context.receivedAt,
    userKind: user.kind,
    userValue: user.value,
    anonymousId: user.kind === 'user' ? fields.anonymousId : undefined,
    sessionId: fields.sessionId,
    url: fields.url,
    referrer: fields.referrer,
    device: device.class,
    browser: device.browser,
    os: device.os,
    userAgent: fields.userAgent,
    ip,
    metadata: device.metadata && metadataText(device.metadata),
    payloadHash: fields.eventId ? payloadHash({ ...fields, eventId: undefined, sentAt: undefined }) : NO_PAYLOAD_HASH,
  };
}

/**
 * `idTime` is what the client stated (its UUIDv7 counts), else the time of receipt, so that a retry has the same id.
 * `occurredAt` starts from it and only moves back, by as much as the client's clock is seen to run fast.
 */
function eventTime({ eventId, timestamp, sentAt }: ClientEvent, context: IngestContext) {
  const uuidTime = eventId ? uuidV7Time(eventId) : undefined;
  if (eventId && timestamp === undefined && uuidTime === undefined) {
    throw new InvalidInputError(
      [
        {
          field: 'timestamp',
          message:
            'is needed beside this eventId: only the same eventId with the same timestamp can be told from another event',
        },
      ],
      'event_id_needs_timestamp',
    );
  }
  const field = timestamp === undefined ? 'eventId' : 'timestamp';
  const stated = timestamp ?? uuidTime;
  const idTime = stated ?? context.receivedAt;
  const fastBy = stated === undefined ? 0 : (sentAt ?? context.sentAt ?? context.receivedAt) - context.receivedAt;
  const occurredAt = fastBy > CLOCK_SKEW_MS ? idTime - fastBy : idTime;
  if (occurredAt < EARLIEST_TIME_MS) {
    throw timeRefused(field, 'must not be before 1980-01-01T00:00:00Z', context);
  }
  if (occurredAt > context.receivedAt + FUTURE_TOLERANCE_MS) {
    throw timeRefused(field, 'is more than 10 minutes ahead of our clock', context);
  }
  if (context.retentionDays !== null && idTime < context.receivedAt - context.retentionDays * DAY_MS) {
    throw timeRefused(field, `is older than this app keeps events (${context.retentionDays} days)`, context, 'too_old');
  }
  // Retention may have been shorter once: what it deleted must not be counted again.
  if (context.deletedBefore !== undefined && idTime < context.deletedBefore) {
    const message = `is older than what this app still keeps (${new Date(context.deletedBefore).toISOString()})`;
    throw timeRefused(field, message, context, 'too_old');
  }
  return { idTime, occurredAt };
}

/** States our own time as well: a client whose clock is wrong can then correct its events. */
function timeRefused(field: string, message: string, context: IngestContext, code?: string): InvalidInputError {
  return new InvalidInputError([{ field, message }], code, new Date(context.receivedAt).toISOString());
}

function distinctUser(fields: ClientEvent, context: IngestContext): { kind: UserKind; value: string } {
  if (fields.userId !== undefined) return { kind: 'user', value: fields.userId };
  if (fields.anonymousId !== undefined) return { kind: 'anonymous', value: fields.anonymousId };
  const address = fields.ipAddress ?? context.address;
  const userAgent = fields.userAgent ?? context.userAgent ?? '';
  return { kind: 'visitor', value: visitorId(context.visitorSecret, context.appId, address, userAgent) };
}
