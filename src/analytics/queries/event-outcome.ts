import { binary, nonEmpty } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';

/** An event by its key, with the commit that counted it where the ledger still reaches so far. */
const STORED_EVENT = (keys: string) => `SELECT e.app_id, e.id, e.event_id, e.occurred_at, e.received_at, b.committed_at
FROM (${keys}) k JOIN events e ON e.app_id = k.app_id AND e.id = k.id
LEFT JOIN ingest_batches b ON b.batch_id = e.batch_id LIMIT 1`;

/** Copies of a stored event that came with other content. */
const CONFLICTS = `SELECT COUNT(*) AS n FROM dead_letters WHERE app_id = ? AND stored_id = ? AND code = 'id_conflict'`;

/** The last thing that was refused of an event. */
const DEAD_LETTER = (keys: string) => `SELECT d.stored_id, d.code, d.reason, d.created_at
FROM (${keys}) k JOIN dead_letters d ON d.app_id = k.app_id AND d.stored_id = k.id
ORDER BY d.created_at DESC, d.id DESC LIMIT 1`;

/** Under which an event may be stored. Both 32 hex digits. */
export interface EventKey {
  appId: string;
  id: string;
}

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

/** @param keys under any of which it may be stored, at least one */
export async function storedEvent(manager: EntityManager, keys: readonly EventKey[]): Promise<StoredEvent | undefined> {
  const [row]: StoredRow[] = await manager.query(STORED_EVENT(rowsOf(keys)), parametersOf(keys));
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

/** @param keys as for {@link storedEvent} */
export async function newestDeadLetter(
  manager: EntityManager,
  keys: readonly EventKey[],
): Promise<DeadLetterOutcome | undefined> {
  const [row]: DeadLetterRow[] = await manager.query(DEAD_LETTER(rowsOf(keys)), parametersOf(keys));
  if (!row) return undefined;
  const { stored_id: id, code, reason, created_at: createdAt } = row;
  return { id: id.toString('hex'), code, reason: reason.toString(), createdAt };
}

/**
 * A table of the keys, so that each is looked up once: with app and id as two lists MySQL would look up every id in every
 * app, and neither engine reads a list of pairs well.
 */
function rowsOf(keys: readonly EventKey[]): string {
  return nonEmpty(keys)
    .map((_key, i) => (i === 0 ? 'SELECT CAST(? AS BINARY(16)) AS app_id, CAST(? AS BINARY(16)) AS id' : 'SELECT ?, ?'))
    .join(' UNION ALL ');
}

function parametersOf(keys: readonly EventKey[]): Buffer[] {
  return keys.flatMap(({ appId, id }) => [binary(appId), binary(id)]);
}
