import { createHash } from 'node:crypto';

/**
 * Eight bytes (16 hex digits) over the client's own fields under their canonical names, without eventId, sentAt and
 * apiKey: two posts of one event have the same hash whatever the order of their keys. Another hash under the same id is
 * an id_conflict.
 */
export function payloadHash(fields: Record<string, unknown>): string {
  return createHash('sha256').update(canonicalJson(fields)).digest('hex').slice(0, 16);
}

/** JSON with the keys of every object sorted; undefined members are left out, as JSON.stringify does. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member) ? sortedCopy(member) : member,
  );
}

function sortedCopy(object: object): object {
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(object).sort()) copy[key] = (object as Record<string, unknown>)[key];
  return copy;
}
