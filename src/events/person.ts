import { decodeEnvelope, EnvelopeError } from './envelope.js';
import { userKey } from './distinct-user.js';
import { USER_KINDS } from './event.js';

/** The keys under which a person's id may be counted, one a kind; 32 hex digits each. */
export function userKeysOf(userValue: string): string[] {
  return USER_KINDS.map((kind) => userKey(kind, userValue).toString('hex'));
}

/** Whether an entry of the buffer, or of a dead letter, is of a person, or names them in one of its fields. */
export function isOfPerson(entry: string, userKeys: ReadonlySet<string>): boolean {
  try {
    const { userKind, userValue } = decodeEnvelope(entry);
    return userKeys.has(userKey(userKind, userValue).toString('hex')) || namesPerson(entry, userKeys);
  } catch (error) {
    if (error instanceof EnvelopeError) return namesPerson(entry, userKeys);
    throw error;
  }
}

/**
 * For entries that cannot be read as events: whatever version wrote them, they are JSON with the id as a text of its own.
 */
export function namesPerson(entry: string, userKeys: ReadonlySet<string>): boolean {
  return texts(entry).some((value) => userKeysOf(value).some((key) => userKeys.has(key)));
}

function texts(entry: string): string[] {
  try {
    const value: unknown = JSON.parse(entry);
    if (value === null || typeof value !== 'object') return [];
    return Object.values(value).filter((item) => typeof item === 'string');
  } catch {
    return []; // No JSON, no fields.
  }
}
