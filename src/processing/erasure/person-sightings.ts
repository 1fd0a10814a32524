import type { EntityManager } from 'typeorm';
import { packSightings, readSightings, sightedNumber, writeSightings } from '../../database/seen-users.js';
import { uuidV7 } from '../../events/event-id.js';
import { DAY_MS, QUARTERS_A_DAY } from '../../events/limits.js';
import { QUARTER } from '../recount/check.js';
import { binary } from '../../database/binary.js';
import { sqlTime } from '../repositories/bulk.js';
import { ALL_EVENTS } from '../../database/all-events.js';
import type { SealingRepository, UsersCellKey } from '../sealing/sealing.repository.js';
import type { PersonKey } from './person-key.js';

const STILL_SEEN = `SELECT DISTINCT event, ${QUARTER} AS quarter FROM events
WHERE app_id = ? AND user_key = ? AND occurred_at >= ? AND occurred_at < ?`;
const OLD_CELLS = `SELECT event, day FROM event_users WHERE app_id = ? AND day <= ?
UNION SELECT event, day FROM event_user_batches WHERE app_id = ? AND day <= ? ORDER BY event, day`;

/**
 * Takes a person out of cells of distinct users, but for what their remaining events tell. Use in a transaction at READ
 * COMMITTED. The cells are locked before the remaining events are read: a chunk that adds the person at the same time is
 * in its batch, or in these events, or in both.
 * @param sealing of the transaction @param cells in the order of their keys
 */
export async function seePersonAnew(
  manager: EntityManager,
  sealing: SealingRepository,
  { appId, ownerId, userKey }: PersonKey,
  cells: readonly UsersCellKey[],
): Promise<void> {
  const key = userKey.toString('hex');
  const locked = [];
  for (const cell of cells) locked.push({ cell, batches: await sealing.lockAll(cell) });
  // Only now: whoever was sealing these batches when they were asked for has given the person a number by then.
  const number = (await sealing.numbers(ownerId, [key])).get(key);
  for (const { cell, batches } of locked) {
    for (const { batchId, sightings } of batches) {
      const others = sightings.filter(([seen]) => seen !== key);
      if (others.length === 0) await sealing.deleteBatches(cell, [batchId]);
      else if (others.length < sightings.length) await sealing.putBatch(cell, batchId, packSightings(others));
    }
    const sealed = number === undefined ? undefined : await sealing.lockSealed(cell);
    if (!sealed) continue;
    const sightings = readSightings(sealed);
    const others = sightings.filter((one) => sightedNumber(one) !== number);
    if (others.length < sightings.length) await sealing.putSealed(cell, writeSightings(others));
  }
  const remaining = await stillSeen(manager, { appId, userKey }, cells);
  // A batch like those of chunks: it is sealed in its turn.
  const batchId = binary(uuidV7(Date.now()));
  for (const cell of cells) {
    const quarters = remaining.get(cellText(cell)) ?? [];
    if (quarters.length > 0) await sealing.putBatch(cell, batchId, packSightings(quarters.map((q) => [key, q])));
  }
}

/** Cells of days from which retention may have deleted events already: these do not tell who was there. */
export async function oldCells(manager: EntityManager, appId: Buffer, deletedBefore: Date): Promise<UsersCellKey[]> {
  const lastDay = Math.floor(deletedBefore.getTime() / DAY_MS);
  const rows: { event: Buffer; day: number | string }[] = await manager.query(OLD_CELLS, [
    ...[appId, lastDay],
    ...[appId, lastDay],
  ]);
  return rows.map(({ event, day }) => ({ appId, event, day: Number(day) }));
}

/** @returns quarter-hours of the day, by cell */
async function stillSeen(
  manager: EntityManager,
  { appId, userKey }: Pick<PersonKey, 'appId' | 'userKey'>,
  cells: readonly UsersCellKey[],
): Promise<Map<string, number[]>> {
  const quartersOf = new Map<string, Set<number>>();
  if (cells.length === 0) return new Map();
  const days = cells.map((cell) => cell.day);
  const from = sqlTime(Math.min(...days) * DAY_MS);
  const to = sqlTime((Math.max(...days) + 1) * DAY_MS);
  const rows: { event: Buffer; quarter: number | string }[] = await manager.query(STILL_SEEN, [
    appId,
    userKey,
    from,
    to,
  ]);
  for (const row of rows) {
    const day = Math.floor(Number(row.quarter) / QUARTERS_A_DAY);
    for (const event of [Buffer.from(ALL_EVENTS), row.event]) {
      const text = cellText({ appId, event, day });
      quartersOf.set(text, (quartersOf.get(text) ?? new Set()).add(Number(row.quarter) % QUARTERS_A_DAY));
    }
  }
  return new Map([...quartersOf].map(([text, quarters]) => [text, [...quarters].sort((a, b) => a - b)]));
}

function cellText({ event, day }: UsersCellKey): string {
  return `${event.toString('hex')} ${day}`;
}
