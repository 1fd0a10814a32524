import { Repository } from 'typeorm';
import type { Event } from '../../database/entities/index.js';
import type { AcceptedEvent } from '../../events/event.js';
import { type ColumnKind, columnNames, EVENT_COLUMNS, EVENT_FIELDS } from '../../events/event-columns.js';
import type { StoredEventFields } from '../../events/stored-event.js';
import { binaries, binary } from '../../database/binary.js';
import { insertRows, type Row, sqlTime } from './bulk.js';

/** A copy of an event that is stored already keeps the stored one as it is: the first wins. */
export const INSERT = `INSERT INTO events (${columnNames(EVENT_FIELDS)})
VALUES ? ON DUPLICATE KEY UPDATE app_id = app_id`;

const STORED =
  'SELECT HEX(id) AS id, HEX(payload_hash) AS hash, batch_id = ? AS mine FROM events WHERE app_id = ? AND id IN (?)';

/** What is stored under an event's key. */
export interface StoredCopy {
  payloadHash: string;
  /** Inserted by this transaction. */
  mine: boolean;
}

/** Owns the SQL by which a chunk's events are stored. Use through `manager.withRepository()` in the chunk's transaction. */
export class EventRepository extends Repository<Event> {
  /** @returns how many were inserted; the others were stored already */
  insertNew(events: readonly StoredEventFields[]): Promise<number> {
    return insertRows(this.manager, INSERT, events.map(eventRow));
  }

  /** @returns by (app, id) what is stored for these events */
  async storedCopies(events: readonly AcceptedEvent[], batchId: string): Promise<Map<string, StoredCopy>> {
    const idsOf = new Map<string, Set<string>>();
    for (const { appId, id } of events) {
      const ids = idsOf.get(appId);
      if (ids) ids.add(id);
      else idsOf.set(appId, new Set([id]));
    }
    const copies = new Map<string, StoredCopy>();
    // One app at a time: MySQL reads (app_id, id) IN (…) of a partitioned table less well.
    for (const [appId, ids] of idsOf) {
      const rows: { id: string; hash: string; mine: number }[] = await this.manager.query(STORED, [
        binary(batchId),
        binary(appId),
        binaries([...ids]),
      ]);
      for (const row of rows) {
        copies.set(appId + row.id.toLowerCase(), {
          payloadHash: row.hash.toLowerCase(),
          mine: Number(row.mine) === 1,
        });
      }
    }
    return copies;
  }
}

/** A value of each kind as a statement takes it. */
const TO_SQL: { readonly [K in ColumnKind]: (value: never) => Row[number] } = {
  uuid: (value: string) => binary(value),
  hash: (value: string) => binary(value),
  bytes: (value: string) => value,
  text: (value: string) => value,
  device: (value: string) => value,
  time: (value: Date) => sqlTime(value.getTime()),
  json: (value: string) => value,
};

/** In the order of {@link INSERT}. */
function eventRow(event: StoredEventFields): Row {
  return EVENT_FIELDS.map((field) => {
    const value = event[field];
    return value === null ? null : TO_SQL[EVENT_COLUMNS[field].kind](value as never);
  });
}
