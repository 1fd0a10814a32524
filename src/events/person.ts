import { decodeEnvelope, EnvelopeError, envelopeReceivedAt } from './envelope.js';
import { userKey } from './distinct-user.js';
import { USER_KINDS } from './event.js';

/** The keys under which a person's id may be counted, one a kind; 32 hex digits each. */
export function userKeysOf(userValue: string): string[] {
  return USER_KINDS.map((kind) => userKey(kind, userValue).toString('hex'));
}

/** Who an entry of the buffer, or of a dead letter, is of; keys as {@link userKeysOf} makes them. */
export interface EntryPeople {
  /** Any of these is the person whose event it is. */
  own: readonly string[];
  /** Whom it names beside, as the anonymous id that they had before. */
  named: readonly string[];
  /** ms; 0 when it is not known. */
  receivedAt: number;
}

/** Looked up by any of a person's keys: until when (ms) what was received is meant. */
export type ReceivedUntil = Pick<ReadonlyMap<string, number>, 'get'>;

/**
 * Of an entry that cannot be read as an event: by what stands where ids stand in the envelopes we know, else, in one of a
 * version that calls them otherwise, by every text.
 */
export function peopleOf(entry: string): EntryPeople {
  const receivedAt = envelopeReceivedAt(entry) ?? 0;
  try {
    const { userKind, userValue, anonymousId } = decodeEnvelope(entry);
    const named = anonymousId === undefined ? [] : userKeysOf(anonymousId);
    return { own: [userKey(userKind, userValue).toString('hex')], named, receivedAt };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    const fields = fieldsOf(entry);
    const { u, n } = fields;
    if (typeof u !== 'string')
      return { own: Object.values(fields).filter(isText).flatMap(userKeysOf), named: [], receivedAt };
    return { own: userKeysOf(u), named: isText(n) ? userKeysOf(n) : [], receivedAt };
  }
}

/** Whether the entry is of a person who is meant. */
export function isOwn({ own, receivedAt }: EntryPeople, meant: ReceivedUntil): boolean {
  return own.some((key) => receivedAt <= (meant.get(key) ?? -1));
}

/** Whether the entry is of somebody else and names a person who is meant. */
export function isNamed({ named, receivedAt }: EntryPeople, meant: ReceivedUntil): boolean {
  return named.some((key) => receivedAt <= (meant.get(key) ?? -1));
}

/** The entry without the anonymous id; all else stays as it came. */
export function withoutAlias(entry: string): string {
  const fields = { ...fieldsOf(entry) };
  delete fields.n;
  return JSON.stringify(fields);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function fieldsOf(entry: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(entry);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // No JSON, no fields.
  }
}
