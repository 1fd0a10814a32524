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

/** What request and app say of every event in the request. Times in ms since 1970 UTC. */
export interface Circumstances {
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
 * From what a client stated to the event that will be counted: identified, dated, its user known.
 * @param ip what is stored of the address
 * @throws InvalidInputError where the time cannot be counted, or the id cannot be told from another
 */
export function normalised(
  said: ClientEvent,
  ip: string | undefined,
  device: ClientDevice,
  around: Circumstances,
): AcceptedEvent {
  const { idTime, occurredAt } = eventTime(said, around);
  const user = distinctUser(said, around);
  return {
    id: storedEventId(idTime, around.appId, said.eventId),
    appId: around.appId,
    eventId: said.eventId,
    event: said.event,
    occurredAt,
    receivedAt: around.receivedAt,
    userKind: user.kind,
    userValue: user.value,
    anonymousId: user.kind === 'user' ? said.anonymousId : undefined,
    sessionId: said.sessionId,
    url: said.url,
    referrer: said.referrer,
    device: device.class,
    browser: device.browser,
    os: device.os,
    userAgent: said.userAgent,
    ip,
    metadata: device.metadata && metadataText(device.metadata),
    payloadHash: said.eventId ? payloadHash({ ...said, eventId: undefined, sentAt: undefined }) : NO_PAYLOAD_HASH,
  };
}

/**
 * `idTime` is what the client stated (its UUIDv7 counts), else the time of receipt, so that a retry has the same id.
 * `occurredAt` starts from it and only moves back, by as much as the client's clock is seen to run fast.
 */
function eventTime({ eventId, timestamp, sentAt }: ClientEvent, around: Circumstances) {
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
  const idTime = stated ?? around.receivedAt;
  const fastBy = stated === undefined ? 0 : (sentAt ?? around.sentAt ?? around.receivedAt) - around.receivedAt;
  const occurredAt = fastBy > CLOCK_SKEW_MS ? idTime - fastBy : idTime;
  if (occurredAt < EARLIEST_TIME_MS) {
    throw timeRefused(field, 'must not be before 1980-01-01T00:00:00Z', around);
  }
  if (occurredAt > around.receivedAt + FUTURE_TOLERANCE_MS) {
    throw timeRefused(field, 'is more than 10 minutes ahead of our clock', around);
  }
  if (around.retentionDays !== null && idTime < around.receivedAt - around.retentionDays * DAY_MS) {
    throw timeRefused(field, `is older than this app keeps events (${around.retentionDays} days)`, around, 'too_old');
  }
  // Retention may have been shorter once: what it deleted must not be counted again.
  if (around.deletedBefore !== undefined && idTime < around.deletedBefore) {
    const message = `is older than what this app still keeps (${new Date(around.deletedBefore).toISOString()})`;
    throw timeRefused(field, message, around, 'too_old');
  }
  return { idTime, occurredAt };
}

/** States our own time as well: a client whose clock is wrong can then correct its events. */
function timeRefused(field: string, message: string, around: Circumstances, code?: string): InvalidInputError {
  return new InvalidInputError([{ field, message }], code, new Date(around.receivedAt).toISOString());
}

function distinctUser(said: ClientEvent, around: Circumstances): { kind: UserKind; value: string } {
  if (said.userId !== undefined) return { kind: 'user', value: said.userId };
  if (said.anonymousId !== undefined) return { kind: 'anonymous', value: said.anonymousId };
  const address = said.ipAddress ?? around.address;
  const userAgent = said.userAgent ?? around.userAgent ?? '';
  return { kind: 'visitor', value: visitorId(around.visitorSecret, around.appId, address, userAgent) };
}
