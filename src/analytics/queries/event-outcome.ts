import { binaries, binary } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';

/** An event by its stored id, with the commit that counted it where the ledger still reaches so far. */
const STORED_EVENT = `SELECT e.app_id, e.id, e.event_id, e.occurred_at, e.received_at, b.committed_at
FROM events e LEFT JOIN ingest_batches b ON b.batch_id = e.batch_id
WHERE e.app_id IN (?) AND e.id IN (?) LIMIT 1`;

/** Copies of a stored event that came with other content. */
const CONFLICTS = `SELECT COUNT(*) AS n FROM dead_letters WHERE app_id = ? AND stored_id = ? AND code = 'id_conflict'`;

/** The last thing that was refused of an event. */
const DEAD_LETTER = `SELECT stored_id, code, reason, created_at FROM dead_letters
WHERE app_id IN (?) AND stored_id IN (?) ORDER BY created_at DESC, id DESC LIMIT 1`;

export interface StoredEvent {
  /** 32 hex digits, like every id here. */
  appId: string;
  id: string;
  /** As the client sent it; undefined when it sent none. */
  eventId?: string;
  occurredAt: Date;
  receivedAt: Date;
  /** Undefined once the ledger has forgotten it. */
  committedAt?: Date;
}

export interface DeadLetterOutcome {
  id: string;
  code: string;
  reason: string;
  createdAt: Date;
}

interface StoredRow {
  app_id: Buffer;
  id: Buffer;
  event_id: Buffer | null;
  occurred_at: Date;
  received_at: Date;
  committed_at: Date | null;
}

interface DeadLetterRow {
  stored_id: Buffer;
  code: string;
  reason: Buffer;
  created_at: Date;
}

/** @param appIds at least one @param ids under any of which it may be stored, at least one */
export async function storedEvent(
  manager: EntityManager,
  appIds: readonly string[],
  ids: readonly string[],
): Promise<StoredEvent | undefined> {
  const [row]: StoredRow[] = await manager.query(STORED_EVENT, [binaries(appIds), binaries(ids)]);
  if (!row) return undefined;
  return {
    appId: row.app_id.toString('hex'),
    id: row.id.toString('hex'),
    eventId: row.event_id?.toString(),
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    committedAt: row.committed_at ?? undefined,
  };
}

export async function conflictCount(manager: EntityManager, { appId, id }: StoredEvent): Promise<number> {
  const rows: { n: string }[] = await manager.query(CONFLICTS, [binary(appId), binary(id)]);
  return Number(rows[0]!.n);
}

/** @param appIds at least one @param ids as for {@link storedEvent} */
export async function newestDeadLetter(
  manager: EntityManager,
  appIds: readonly string[],
  ids: readonly string[],
): Promise<DeadLetterOutcome | undefined> {
  const [row]: DeadLetterRow[] = await manager.query(DEAD_LETTER, [binaries(appIds), binaries(ids)]);
  if (!row) return undefined;
  const { stored_id: id, code, reason, created_at: createdAt } = row;
  return { id: id.toString('hex'), code, reason: reason.toString(), createdAt };
}
