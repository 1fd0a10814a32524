import type { EntityManager } from 'typeorm';
import { QUARTERS_A_DAY, QUARTER_MS } from '../../events/limits.js';
import type { ArchiveRepository } from '../../read-model/archive/archive.repository.js';
import { archiveRows, type Sighting } from '../archive-rows.js';

/** What the archive keeps of an event. */
export interface ExpiringEvent {
  id: Buffer;
  event: Buffer;
  userKey: Buffer;
  occurredAt: Date;
}

/**
 * Archives the distinct users of events that are about to be deleted. The events are locked, so an erasure of a person runs either
 * before, and their events are not among these, or after, and it finds them in the archive.
 * @param fromDay the first day to archive, days since 1970 UTC
 */
export async function archiveUsers(
  manager: EntityManager,
  archive: ArchiveRepository,
  appId: Buffer,
  events: readonly ExpiringEvent[],
  fromDay: number,
): Promise<void> {
  const sightings = events.map(sightingOf).filter(({ day }) => day >= fromDay);
  await manager.withRepository(archive).add(archiveRows(appId, sightings));
}

function sightingOf({ event, userKey, occurredAt }: ExpiringEvent): Sighting {
  const at = Math.floor(occurredAt.getTime() / QUARTER_MS);
  return { event, userKey, day: Math.floor(at / QUARTERS_A_DAY), quarter: at % QUARTERS_A_DAY };
}
