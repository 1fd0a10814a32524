import { Repository } from 'typeorm';
import type { Event } from '../../database/entities/index.js';
import type { AcceptedEvent } from '../../events/event.js';
import { userKeyHex } from '../user-keys.js';
import { binaries, binary } from '../../database/binary.js';
import { insertRows, type Row, sqlTime } from './bulk.js';

/** A copy of an event that is stored already keeps the stored one as it is: the first wins. */
const INSERT = `INSERT INTO events
  (app_id, id, event_id, event, occurred_at, received_at, user_key, user_id, anonymous_id, session_id, url, referrer,
   device, browser, os, user_agent, ip, metadata, payload_hash, batch_id)
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
  insertNew(events: readonly AcceptedEvent[], batchId: string): Promise<number> {
    return insertRows(
      this.manager,
      INSERT,
      events.map((event) => eventRow(event, batchId)),
    );
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

function eventRow(event: AcceptedEvent, batchId: string): Row {
  return [
    binary(event.appId),
    binary(event.id),
    event.eventId ?? null,
    event.event,
    sqlTime(event.occurredAt),
    sqlTime(event.receivedAt),
    binary(userKeyHex(event.userKind, event.userValue)),
    event.userKind === 'user' ? event.userValue : null,
    event.userKind === 'anonymous' ? event.userValue : (event.anonymousId ?? null),
    event.sessionId ?? null,
    event.url ?? null,
    event.referrer ?? null,
    event.device,
    event.browser ?? null,
    event.os ?? null,
    event.userAgent ?? null,
    event.ip ?? null,
    event.metadata ?? null,
    binary(event.payloadHash),
    binary(batchId),
  ];
}
