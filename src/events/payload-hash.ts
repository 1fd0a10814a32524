import { hash } from 'node:crypto';

/** For events without an id of their sender's: there can be no other event of the same id to be compared with. */
export const NO_PAYLOAD_HASH = '0'.repeat(16);

/**
 * Eight bytes (16 hex digits) over the client's own fields under their canonical names, without eventId, sentAt and
 * apiKey: two posts of one event have the same hash whatever the order of their keys. Another hash under the same id is
 * an id_conflict.
 */
export function payloadHash(fields: Record<string, unknown>): string {
  return hash('sha256', canonicalJson(fields), 'hex').slice(0, 16);
}

/**
 * JSON with the keys of every object sorted; undefined members are left out, as JSON.stringify does. Written out by hand,
 * since a replacer makes JSON.stringify many times slower.
 * @param value as JSON.parse makes it, and undefined
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  let members = '';
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    members += `${members ? ',' : ''}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}
