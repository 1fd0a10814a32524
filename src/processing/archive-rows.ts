import { QUARTERS_A_DAY } from '../events/limits.js';
import type { ArchiveRow } from '../read-model/archive/archive.repository.js';

const HALF_A_DAY = QUARTERS_A_DAY / 2;

/** That a user was seen. */
export interface Sighting {
  event: Buffer;
  userKey: Buffer;
  /** Days since 1970 UTC. */
  day: number;
  /** Of the day, 0 to 95. */
  quarter: number;
}

/** One row a user, event and day, in the order of the archive's key. */
export function archiveRows(appId: Buffer, sightings: readonly Sighting[]): ArchiveRow[] {
  const rows = new Map<string, ArchiveRow & { quarters: [number, number] }>();
  for (const { event, day, userKey, quarter } of sightings) {
    const name = `${String(day).padStart(8, '0')}${event.toString('hex')}/${userKey.toString('hex')}`;
    let row = rows.get(name);
    if (!row) rows.set(name, (row = { appId, day, event, userKey, quarters: [0, 0] }));
    setQuarter(row.quarters, quarter);
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Numbers hold 53 bits exactly, but operators on bits take 32. */
function setQuarter(quarters: [number, number], quarter: number): void {
  const half = quarter < HALF_A_DAY ? 0 : 1;
  const bit = 2 ** (quarter % HALF_A_DAY);
  if (Math.floor(quarters[half] / bit) % 2 === 0) quarters[half] += bit;
}
