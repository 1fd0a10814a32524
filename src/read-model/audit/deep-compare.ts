import type { DataSource } from 'typeorm';
import { formatUuid } from '../../events/event-id.js';
import type { FillRepository } from '../backfill/fill.repository.js';
import type { StoredEventFields } from '../../events/stored-event.js';
import { partsOfSize, READ_BACK_BYTES } from '../copy-size.js';
import { type ProjectionRow, projectionRow } from '../projection/projection-row.js';
import type { ReadModelStore } from '../read-model-store.js';
import { isKept, leftOut } from '../backfill/left-out.js';
import { uint128Field } from '../schema/tab-separated.js';
import { READ_BACK, readBack } from '../schema/read-back.js';
import { Reconciler } from '../reconciler.js';

const COPIED = `SELECT ${READ_BACK} FROM events
WHERE app_id = toUUID({app:String}) AND id BETWEEN {first:UInt128} AND {last:UInt128}`;

/**
 * Compares every column of every event with what the projection makes of MySQL's row today, piece by piece.
 * Leaves out what has expired, and apps in which something is being erased.
 * @param difference called with a line for each event that differs
 * @returns how many events were compared
 */
export async function compareEveryColumn(
  dataSource: DataSource,
  fills: FillRepository,
  store: ReadModelStore,
  report: { difference: (line: string) => void; progress?: (events: number) => void },
): Promise<number> {
  const reconciler = new Reconciler(dataSource, store);
  let compared = 0;
  const out = await leftOut(dataSource, Date.now());
  for (let piece = await fills.nextPiece(undefined); piece;) {
    const first = piece.events[0];
    if (first && !out.apps.has(first.appId)) {
      const kept = out.keptOf(first.appId);
      const app = formatUuid(first.appId);
      const copied = await copiedRows(store, piece.events);
      for (const event of piece.events) {
        const expected = projectionRow(event, piece.context);
        const differing = differingFields(expected, copied.get(event.id));
        copied.delete(event.id);
        if (differing && isKept(expected, kept))
          report.difference(`read model: event ${formatUuid(event.id)} of app ${app}: ${differing}`);
      }
      const { inOutbox } = piece;
      const others = [...copied.values()].filter((row) => !inOutbox.has(row.id) && isKept(row, kept));
      // Committed since the snapshot, unless MySQL does not have it now.
      for (const { id } of await reconciler.notStored(others)) {
        report.difference(`read model: event ${formatUuid(id)} of app ${app}: not in MySQL`);
      }
    }
    compared += piece.read;
    report.progress?.(compared);
    piece = await fills.nextPiece(piece.cursor);
  }
  return compared;
}

/** The rows of the read model between the first and the last of these events, by id. @param events of one app, ascending */
async function copiedRows(
  store: ReadModelStore,
  events: readonly StoredEventFields[],
): Promise<Map<string, ProjectionRow>> {
  const copied = new Map<string, ProjectionRow>();
  let first = events[0]!.id;
  for (const part of partsOfSize(events, READ_BACK_BYTES)) {
    const { appId, id: last } = part.at(-1)!;
    const params = { app: formatUuid(appId), first: uint128Field(first), last: uint128Field(last) };
    for (const row of (await store.ask<Record<string, unknown>>(COPIED, params)).map(readBack)) copied.set(row.id, row);
    // Rows between two parts are looked at too: MySQL may not hold them.
    first = last;
  }
  return copied;
}

/** @returns the names of the fields that differ; undefined where none does */
function differingFields(expected: ProjectionRow, found: ProjectionRow | undefined): string | undefined {
  if (!found) return 'missing';
  const names = (Object.keys(expected) as (keyof ProjectionRow)[]).filter((name) => {
    const leftOut = name === 'metadata' || name === 'metadataLeftOut';
    return !(leftOut && found.metadataLeftOut) && expected[name] !== found[name];
  });
  return names.length === 0 ? undefined : `differs in ${names.join(', ')}`;
}
