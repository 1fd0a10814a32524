import type { AcceptedEvent } from '../events/event.js';
import { storedIdTime } from '../events/event-id.js';
import { isNamed, isOwn, peopleOf, withoutAlias } from '../events/person.js';
import type { Chunk, Entry, Refused } from './chunk.js';
import type { AppFence, Tombstones } from '../database/app-fences.js';
import { userKeyHex } from './user-keys.js';

/** The code of a dead letter whose event expired before it was stored. Trying it again cannot help. */
export const TOO_OLD = 'too_old';

/** A chunk without what must not be stored any more. */
export interface FencedChunk extends Chunk {
  /** Entries that are passed over: of a deleted app, or of a person who is being erased. */
  erased: number;
}

/** Puts aside what has expired, and passes over what was erased. @param fences by app id */
export function fence({ entries, refused }: Chunk, fences: ReadonlyMap<string, AppFence>): FencedChunk {
  const kept: Entry[] = [];
  const expired: Refused[] = [];
  let erased = 0;
  for (const entry of entries) {
    const around = fences.get(entry.event.appId);
    if (!around) kept.push(entry);
    else if (around.deleted || covers(around.tombstones, entry.event)) erased += 1;
    else if (isExpired(entry.event, around)) expired.push(tooOld(withoutErasedTraces(entry, around)));
    else kept.push(withoutErasedTraces(entry, around));
  }
  const parked = refused.flatMap((entry) => {
    const around = entry.appId === undefined ? undefined : fences.get(entry.appId);
    if (!around) return [entry];
    if (around.deleted) return [];
    if (around.tombstones.size === 0) return [entry];
    const people = peopleOf(entry.text);
    if (isOwn(people, around.tombstones)) return [];
    return [isNamed(people, around.tombstones) ? { ...entry, text: withoutAlias(entry.text) } : entry];
  });
  return { entries: kept, refused: [...parked, ...expired], erased: erased + refused.length - parked.length };
}

function covers(tombstones: Tombstones, event: AcceptedEvent): boolean {
  if (tombstones.size === 0) return false;
  return event.receivedAt <= (tombstones.get(userKeyHex(event.userKind, event.userValue)) ?? -1);
}

function isExpired(event: AcceptedEvent, { deletedBefore }: AppFence): boolean {
  return deletedBefore !== undefined && storedIdTime(event.id) < deletedBefore;
}

function tooOld({ text, event, letterId }: Entry): Refused {
  const reason = 'The app keeps events for a shorter time: this one had expired before it could be stored.';
  return { text, event, appId: event.appId, code: TOO_OLD, reason, letterId };
}

/** Another person's event stays, without the erased one's id beside it: in the row, and in a letter if it comes to that. */
function withoutErasedTraces(entry: Entry, { tombstones }: AppFence): Entry {
  const { event, text } = entry;
  if (event.anonymousId === undefined || tombstones.size === 0) return entry;
  const key = userKeyHex('anonymous', event.anonymousId);
  if (event.receivedAt > (tombstones.get(key) ?? -1)) return entry;
  return { ...entry, event: { ...event, anonymousId: undefined }, text: withoutAlias(text) };
}
