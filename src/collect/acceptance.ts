import { canonicalAddress } from '../common/addresses.js';
import { InvalidInputError } from '../common/app-error.js';
import { DEVICES, type AcceptedEvent, type Device, type Metadata, type UserKind } from '../events/event.js';
import { storedEventId, uuidV7Time } from '../events/event-id.js';
import { visitorId } from '../events/distinct-user.js';
import type { IpMode } from '../events/ip-mode.js';
import type { Platform } from '../events/platform.js';
import {
  CLOCK_SKEW_MS,
  DAY_MS,
  EARLIEST_TIME_MS,
  FUTURE_TOLERANCE_MS,
  METADATA_MAX_BYTES,
  USER_ID_MAX,
} from '../events/limits.js';
import { fits, isBlank } from '../events/characters.js';
import { metadataText } from '../events/metadata.js';
import { NO_PAYLOAD_HASH, payloadHash } from '../events/payload-hash.js';
import { parseTimestamp } from '../events/timestamp.js';
import { storedAddress } from './client-address.js';
import type { EventDto } from './event.dto.js';
import { clientOf } from './user-agent.js';

/** What the request and the app say about every event in it. Times in ms since 1970 UTC. */
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
  /** Of the batch; an event's own comes first. */
  sentAt: string | undefined;
  /** Secret of the day of receipt, as the app's time zone has it. */
  visitorSecret: Buffer;
}

/**
 * From a valid payload to the event that will be counted: identified, dated, its user and client known.
 * @throws InvalidInputError where the parts do not go together
 */
export function acceptEvent(dto: EventDto, around: Circumstances): AcceptedEvent {
  const said = clientFields(dto);
  const { idTime, occurredAt } = eventTime(dto, said.timestamp, around);
  const user = distinctUser(said, around);
  const device = deviceOf(said, around);
  return {
    id: storedEventId(idTime, around.appId, dto.eventId ?? undefined),
    appId: around.appId,
    eventId: dto.eventId ?? undefined,
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
    ip: storedAddress(said.ipAddress, around.address, around.ipMode),
    metadata: device.metadata && metadataText(device.metadata),
    payloadHash: dto.eventId ? payloadHash(said) : NO_PAYLOAD_HASH,
  };
}

/** The client's own fields under their canonical names, without eventId and sentAt. Null counts as absent. */
function clientFields(dto: EventDto) {
  const metadata = oneOf(dto, 'metadata', 'properties');
  return {
    event: dto.event,
    timestamp: dto.timestamp ? parseTimestamp(dto.timestamp) : undefined,
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
type ClientFields = ReturnType<typeof clientFields>;

/**
 * What a field that has several names says. Null counts as absent.
 * @throws InvalidInputError where two of the names are given and do not say the same: one of them would be dropped
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

/**
 * `idTime` is what the client stated (its UUIDv7 counts), else the time of receipt, so that a retry has the same id.
 * `occurredAt` starts from it and only moves back, by as much as the client's clock is seen to run fast.
 */
function eventTime(dto: EventDto, timestamp: number | undefined, around: Circumstances) {
  const uuidTime = dto.eventId ? uuidV7Time(dto.eventId) : undefined;
  if (dto.eventId && timestamp === undefined && uuidTime === undefined) {
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
  const sentAtText = dto.sentAt ?? around.sentAt;
  const sentAt = sentAtText ? parseTimestamp(sentAtText) : undefined;
  const fastBy = sentAt === undefined || stated === undefined ? 0 : sentAt - around.receivedAt;
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

function distinctUser(said: ClientFields, around: Circumstances): { kind: UserKind; value: string } {
  if (said.userId !== undefined) return { kind: 'user', value: said.userId };
  if (said.anonymousId !== undefined) return { kind: 'anonymous', value: said.anonymousId };
  const address = said.ipAddress ?? around.address;
  const userAgent = said.userAgent ?? around.userAgent ?? '';
  return { kind: 'visitor', value: visitorId(around.visitorSecret, around.appId, address, userAgent) };
}

/** The payload's word comes first, the User-Agent's second. A device we do not know counts as other and is kept. */
function deviceOf(said: ClientFields, around: Circumstances) {
  const client = clientOf(said.userAgent ?? around.userAgent, around.platform);
  const named = said.device?.trim().toLowerCase();
  const known = (DEVICES as readonly string[]).includes(named ?? '');
  const keepOriginal = named && !known && said.metadata?.device === undefined;
  const metadata = keepOriginal ? { ...said.metadata, device: said.device } : said.metadata;
  if (keepOriginal && Buffer.byteLength(metadataText(metadata!)) > METADATA_MAX_BYTES) {
    throw new InvalidInputError([
      { field: 'device', message: `is none of ${DEVICES.join(', ')}, and metadata has no room left to keep it` },
    ]);
  }
  return {
    class: !named ? client.device : known ? (named as Device) : ('other' as Device),
    browser: shortText(said.metadata?.browser) ?? client.browser,
    os: shortText(said.metadata?.os) ?? client.os,
    metadata,
  };
}

/** A browser or os name; what is none stays in metadata alone. */
function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && !isBlank(value) && value.length <= 128 && !value.includes('\0')
    ? value
    : undefined;
}
