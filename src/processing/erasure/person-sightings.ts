import type { EntityManager } from 'typeorm';
import { packSightings, readSightings, sightedNumber, writeSightings } from '../../database/seen-users.js';
import { uuidV7 } from '../../events/event-id.js';
import { DAY_MS, QUARTERS_A_DAY } from '../../events/limits.js';
import { QUARTER } from '../recount/check.js';
import { binaries, binary } from '../../database/binary.js';
import { sqlTime } from '../repositories/bulk.js';
import { ALL_EVENTS } from '../../database/all-events.js';
import type { SealingRepository, UsersCellKey } from '../sealing/sealing.repository.js';

const STILL_SEEN = `SELECT DISTINCT LOWER(HEX(user_key)) AS userKey, event, ${QUARTER} AS quarter FROM events
WHERE app_id = ? AND user_key IN (?) AND occurred_at >= ? AND occurred_at < ?`;
const AFTER = 'app_id = ? AND day <= ? AND event >= ? AND (event > ? OR day > ?)';
const OLD_CELLS = `(SELECT event, day FROM event_users WHERE ${AFTER} ORDER BY event, day LIMIT ?)
UNION (SELECT DISTINCT event, day FROM event_user_batches WHERE ${AFTER} ORDER BY event, day LIMIT ?)
ORDER BY event, day LIMIT ?`;

/** People of one app. */
export interface People {
  appId: Buffer;
  ownerId: Buffer;
  /** 32 hex digits each, not empty. */
  userKeys: readonly string[];
}

/** Which cells are asked for. */
export interface CellBounds {
  /** Cells of the UTC day of this moment and of earlier days. */
  before: Date;
  /** The last cell of the page before. */
  after?: Pick<UsersCellKey, 'event' | 'day'>;
  limit: number;
}

/**
 * Takes people out of cells of distinct users, but for what their remaining events tell. Use in a transaction at READ
 * COMMITTED. The cells are locked before the remaining events are read: a chunk that adds a person at the same time is
 * in its batch, or in these events, or in both.
 * @param sealing of the transaction @param cells in the order of their keys
 */
export async function seePeopleAnew(
  manager: EntityManager,
  sealing: SealingRepository,
  { appId, ownerId, userKeys }: People,
  cells: readonly UsersCellKey[],
): Promise<void> {
  if (cells.length === 0) return;
  const keys = new Set(userKeys);
  const locked = [];
  for (const cell of cells) locked.push({ cell, batches: await sealing.lockAll(cell) });
  // Only now: whoever was sealing these batches when they were asked for has given these people numbers by then.
  const numbers = new Set((await sealing.numbers(ownerId, userKeys)).values());
  for (const { cell, batches } of locked) {
    for (const { batchId, sightings } of batches) {
      const others = sightings.filter(([seen]) => !keys.has(seen));
      if (others.length === 0) await sealing.deleteBatches(cell, [batchId]);
      else if (others.length < sightings.length) await sealing.putBatch(cell, batchId, packSightings(others));
    }
    const sealed = numbers.size === 0 ? undefined : await sealing.lockSealed(cell);
    if (!sealed) continue;
    const sightings = readSightings(sealed);
    const others = sightings.filter((one) => !numbers.has(sightedNumber(one)));
    if (others.length < sightings.length) await sealing.putSealed(cell, writeSightings(others));
  }
  const remaining = await stillSeen(manager, appId, userKeys, cells);
  // A batch like those of chunks: it is sealed in its turn.
  const batchId = binary(uuidV7(Date.now()));
  for (const cell of cells) {
    const seen = remaining.get(cellText(cell));
    if (seen) await sealing.putBatch(cell, batchId, packSightings([...seen.values()]));
  }
}

/** Cells of days from which retention may have deleted events already: these do not tell who was there. */
export async function oldCells(
  manager: EntityManager,
  appId: Buffer,
  { before, after, limit }: CellBounds,
): Promise<UsersCellKey[]> {
  const lastDay = Math.floor(before.getTime() / DAY_MS);
  const { event, day } = after ?? { event: Buffer.alloc(0), day: -1 };
  const bounds = [appId, lastDay, event, event, day, limit];
  const rows: { event: Buffer; day: number | string }[] = await manager.query(OLD_CELLS, [...bounds, ...bounds, limit]);
  return rows.map((row) => ({ appId, event: row.event, day: Number(row.day) }));
}

/** @returns by cell, then by user and quarter-hour: the user key and the quarter-hour of the day */
async function stillSeen(
  manager: EntityManager,
  appId: Buffer,
  userKeys: readonly string[],
  cells: readonly UsersCellKey[],
): Promise<Map<string, Map<string, [userKey: string, quarter: number]>>> {
  const seen = new Map<string, Map<string, [string, number]>>();
  const days = cells.map((cell) => cell.day);
  const from = sqlTime(Math.min(...days) * DAY_MS);
  const to = sqlTime((Math.max(...days) + 1) * DAY_MS);
  const rows: { userKey: string; event: Buffer; quarter: number | string }[] = await manager.query(STILL_SEEN, [
    ...[appId, binaries(userKeys), from, to],
  ]);
  for (const row of rows) {
    const day = Math.floor(Number(row.quarter) / QUARTERS_A_DAY);
    const quarter = Number(row.quarter) % QUARTERS_A_DAY;
    for (const event of [Buffer.from(ALL_EVENTS), row.event]) {
      const text = cellText({ appId, event, day });
      const inCell = seen.get(text) ?? new Map<string, [string, number]>();
      seen.set(text, inCell.set(`${row.userKey} ${quarter}`, [row.userKey, quarter]));
    }
  }
  return seen;
}

function cellText({ event, day }: UsersCellKey): string {
  return `${event.toString('hex')} ${day}`;
}
