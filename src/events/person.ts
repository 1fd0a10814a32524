import { decodeEnvelope, EnvelopeError, envelopeReceivedAt } from './envelope.js';
import { userKey } from './distinct-user.js';
import { USER_KINDS } from './event.js';

/** The keys under which a person's id may be counted, one a kind; 32 hex digits each. */
export function userKeysOf(userValue: string): string[] {
  return USER_KINDS.map((kind) => userKey(kind, userValue).toString('hex'));
}

/**
 * Whether an entry of the buffer, or of a dead letter, is of a person, or names them as the anonymous id of another.
 * @param userKeys of the person, see {@link userKeysOf} @param receivedUntil ms; what was received later is not meant
 */
export function isOfPerson(entry: string, userKeys: ReadonlySet<string>, receivedUntil = Infinity): boolean {
  if ((envelopeReceivedAt(entry) ?? 0) > receivedUntil) return false;
  try {
    const { userKind, userValue, anonymousId } = decodeEnvelope(entry);
    return (
      userKeys.has(userKey(userKind, userValue).toString('hex')) ||
      (anonymousId !== undefined && isAnyOf(userKeys, anonymousId))
    );
  } catch (error) {
    if (error instanceof EnvelopeError) return idsOf(entry).some((id) => isAnyOf(userKeys, id));
    throw error;
  }
}

function isAnyOf(userKeys: ReadonlySet<string>, id: string): boolean {
  return userKeysOf(id).some((key) => userKeys.has(key));
}

/**
 * What may be an id in an entry that cannot be read as an event: where ids stand in the envelopes we know, else, in one
 * of a version that calls them otherwise, every text.
 */
function idsOf(entry: string): string[] {
  const fields = fieldsOf(entry);
  const { u, n } = fields;
  const isText = (value: unknown): value is string => typeof value === 'string';
  return isText(u) ? [u, n].filter(isText) : Object.values(fields).filter(isText);
}

function fieldsOf(entry: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(entry);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // No JSON, no fields.
  }
}
