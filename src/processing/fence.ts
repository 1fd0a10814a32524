import type { AcceptedEvent } from '../events/event.js';
import { storedIdTime } from '../events/event-id.js';
import { isOfPerson } from '../events/person.js';
import type { Chunk, Entry, Refused } from './chunk.js';
import type { AppFence, Tombstones } from './repositories/app-fence.repository.js';
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
    else if (isExpired(entry.event, around)) expired.push(tooOld(entry));
    else kept.push({ ...entry, event: withoutErasedTraces(entry.event, around) });
  }
  const parked = refused.filter((entry) => {
    const around = entry.appId === undefined ? undefined : fences.get(entry.appId);
    return !around || !(around.deleted || names(around.tombstones, entry.text));
  });
  return { entries: kept, refused: [...parked, ...expired], erased: erased + refused.length - parked.length };
}

function covers(tombstones: Tombstones, event: AcceptedEvent): boolean {
  if (tombstones.size === 0) return false;
  return event.receivedAt <= (tombstones.get(userKeyHex(event.userKind, event.userValue)) ?? -1);
}

/** Whether an entry that is no event is of an erased person. */
function names(tombstones: Tombstones, entry: string): boolean {
  return [...tombstones].some(([key, until]) => isOfPerson(entry, new Set([key]), until));
}

function isExpired(event: AcceptedEvent, { deletedBefore }: AppFence): boolean {
  return deletedBefore !== undefined && storedIdTime(event.id) < deletedBefore;
}

function tooOld({ text, event, letterId }: Entry): Refused {
  const reason = 'The app keeps events for a shorter time: this one had expired before it could be stored.';
  return { text, event, appId: event.appId, code: TOO_OLD, reason, letterId };
}

/** Another person's event stays, without the erased one's id beside it. */
function withoutErasedTraces(event: AcceptedEvent, { tombstones }: AppFence): AcceptedEvent {
  if (event.anonymousId === undefined || tombstones.size === 0) return event;
  const key = userKeyHex('anonymous', event.anonymousId);
  return event.receivedAt <= (tombstones.get(key) ?? -1) ? { ...event, anonymousId: undefined } : event;
}
