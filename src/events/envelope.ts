import { NO_PAYLOAD_HASH } from './payload-hash.js';
import { DEVICES, USER_KINDS, type AcceptedEvent } from './event.js';
import { CARRIED_FIELDS, EVENT_COLUMNS } from './event-columns.js';

/**
 * The envelope is what lies in Redis between the 202 and the commit: one JSON text an event, with short names since it
 * is kept in memory. The version comes first so that an older worker can tell that it must not guess.
 */
export const ENVELOPE_VERSION = 1;

/** Optional members and their fields. */
const CARRIED = CARRIED_FIELDS.map((field) => [EVENT_COLUMNS[field].envelope, field] as const);

/** The greatest that Date can hold, ms (ECMAScript, Time Values). */
const LAST_TIME_MS = 8.64e15;

export type EnvelopeFault = 'envelope_version' | 'envelope_malformed';

/** An envelope that this worker must not count: it becomes a dead letter and is not dropped. */
export class EnvelopeError extends Error {
  constructor(
    readonly code: EnvelopeFault,
    message: string,
    /** The app, where it could still be read: 32 hex digits. */
    readonly appId?: string,
    /** The id that the answer named, where it could still be read: 32 hex digits. */
    readonly id?: string,
  ) {
    super(message);
    this.name = 'EnvelopeError';
  }
}

/** Written out by hand: most parts need no escaping, and JSON.stringify would look at each character of all of them. */
export function encodeEnvelope(e: AcceptedEvent): string {
  const head = `{"v":${ENVELOPE_VERSION},"i":"${e.id}","a":"${e.appId}","e":${JSON.stringify(e.event)}`;
  const times = `,"t":${e.occurredAt},"r":${e.receivedAt}`;
  const user = `,"k":${USER_KINDS.indexOf(e.userKind)},"u":${JSON.stringify(e.userValue)}`;
  const hash = e.payloadHash === NO_PAYLOAD_HASH ? '' : `,"h":"${e.payloadHash}"`;
  let text = `${head}${times}${user},"d":${DEVICES.indexOf(e.device)}${hash}`;
  for (const [member, field] of CARRIED) {
    const value = e[field];
    if (value !== undefined) text += `,"${member}":${JSON.stringify(value)}`;
  }
  return `${text}}`;
}

/** @throws EnvelopeError when the version is unknown or a part that counting needs is missing */
export function decodeEnvelope(text: string): AcceptedEvent {
  const e = parse(text);
  const appId = typeof e.a === 'string' && /^[0-9a-f]{32}$/.test(e.a) ? e.a : undefined;
  const id = isHex(e.i, 32) ? (e.i as string) : undefined;
  if (e.v !== ENVELOPE_VERSION) {
    throw new EnvelopeError(
      'envelope_version',
      `Envelope version ${String(e.v)} is unknown to this worker.`,
      appId,
      id,
    );
  }
  const userKind = atIndex(USER_KINDS, e.k);
  const device = atIndex(DEVICES, e.d);
  const whole =
    appId &&
    userKind &&
    device &&
    id &&
    (e.h === undefined || isHex(e.h, 16)) &&
    typeof e.e === 'string' &&
    typeof e.u === 'string' &&
    isTime(e.t) &&
    isTime(e.r);
  const malformed = () =>
    new EnvelopeError('envelope_malformed', 'A part that counting needs is missing, or of the wrong type.', appId, id);
  if (!whole) throw malformed();
  const event: AcceptedEvent = {
    id,
    appId,
    event: e.e as string,
    occurredAt: e.t as number,
    receivedAt: e.r as number,
    userKind,
    userValue: e.u as string,
    device,
    payloadHash: (e.h as string | undefined) ?? NO_PAYLOAD_HASH,
  };
  for (const [member, field] of CARRIED) {
    const value = e[member];
    if (typeof value === 'string') event[field] = value;
    else if (value !== undefined) throw malformed();
  }
  return event;
}

/** When an envelope was received (ms), read without trusting the rest of it; undefined when that part is not readable. */
export function envelopeReceivedAt(text: string): number | undefined {
  const match = /"r":(\d{10,15})\b/.exec(text);
  return match ? Number(match[1]) : undefined;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>;
  } catch {
    // Reported below, like every other text that is not an envelope.
  }
  throw new EnvelopeError('envelope_malformed', 'The entry is not a JSON object.');
}

function atIndex<T>(list: readonly T[], index: unknown): T | undefined {
  return typeof index === 'number' ? list[index] : undefined;
}

/** Whether it is ms of a moment that Date can hold. */
function isTime(value: unknown): boolean {
  return Number.isInteger(value) && Math.abs(value as number) <= LAST_TIME_MS;
}

function isHex(value: unknown, digits: number): boolean {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);
}
