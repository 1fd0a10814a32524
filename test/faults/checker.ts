import type { AcceptedEvent } from '../../src/events/event.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import type { Stack } from '../support/stack.js';
import type { Load, SentEvent } from './load.js';

/** What became of everything that was sent. Only the first three may be above zero. */
export interface Verdict {
  acknowledged: number;
  stored: number;
  deadLettered: number;
  /** Answered 202 and nowhere. */
  lost: number;
  /** In `events` more than once, or in `events` and among the dead letters. */
  twice: number;
  /** Stored, but never sent, or under another id or time than it must have. */
  foreign: number;
  /** Among the dead letters, though MySQL would take it. */
  wronglyDead: number;
  /** Cells of any rollup that differ from a count of what the clients sent, in either direction. */
  wrongCells: number;
  /** Ledger rows that do not balance or tell of entries that another row told of, and a ledger that says another sum. */
  unbalanced: number;
}

interface StoredRow {
  id: string;
  mark: string;
  occurred_at: Date;
}

/**
 * Compares what the clients know with what is in the database, by nothing of the product's own counting: rollups are
 * counted again from the clients' own notes of what they sent.
 */
export async function check(stack: Stack, load: Load, app: { id: string }): Promise<Verdict> {
  const rows = await stack.query<StoredRow>(
    'SELECT LOWER(HEX(id)) AS id, CONVERT(session_id USING utf8mb4) AS mark, occurred_at FROM events',
  );
  const letters = await stack.query<{ code: string; envelope: Buffer }>('SELECT code, envelope FROM dead_letters');
  const dead = new Set(
    letters
      .filter(({ code }) => code !== 'id_conflict')
      .map(({ envelope }) => (JSON.parse(envelope.toString()) as { s: string }).s),
  );
  const stored = new Map<string, StoredRow>();
  let twice = 0;
  let foreign = 0;
  for (const row of rows) {
    const sent = load.sent.get(row.mark);
    if (stored.has(row.mark) || dead.has(row.mark)) twice += 1;
    if (!sent || !isAsSent(row, sent)) foreign += 1;
    stored.set(row.mark, row);
  }
  const expected = [...stored.values()].flatMap((row) => {
    const sent = load.sent.get(row.mark);
    return sent ? [accepted(row, sent, app.id.replaceAll('-', ''))] : [];
  });
  return {
    acknowledged: load.acknowledged.size,
    stored: rows.length,
    deadLettered: dead.size,
    lost: [...load.acknowledged].filter((mark) => !stored.has(mark) && !dead.has(mark)).length,
    twice,
    foreign,
    wronglyDead: [...dead].filter((mark) => !load.sent.get(mark)?.unstorable).length,
    wrongCells: differences(countNaively(expected), await storedCounts(stack)),
    unbalanced: await unbalanced(stack, rows.length),
  };
}

function isAsSent(row: StoredRow, sent: SentEvent): boolean {
  const sameId = sent.storedId === undefined || sent.storedId === row.id;
  return sameId && (sent.occurredAt === undefined || sent.occurredAt === row.occurred_at.getTime());
}

function accepted(row: StoredRow, sent: SentEvent, appId: string): AcceptedEvent {
  return {
    id: row.id,
    appId,
    event: sent.event,
    occurredAt: row.occurred_at.getTime(),
    receivedAt: 0,
    userKind: 'user',
    userValue: sent.userId,
    device: sent.device,
    payloadHash: '',
  };
}

function differences<T extends Record<keyof T, string[]>>(expected: T, found: T): number {
  let cells = 0;
  for (const table of Object.keys(expected) as (keyof T)[]) {
    const [a, b] = [new Set(expected[table]), new Set(found[table])];
    cells += expected[table].filter((cell) => !b.has(cell)).length + found[table].filter((cell) => !a.has(cell)).length;
  }
  return cells;
}

/** Each entry of a claim is in one ledger row: a claim's rows follow each other without a gap or an overlap. */
async function unbalanced(stack: Stack, stored: number): Promise<number> {
  const rows = await stack.query<
    Record<'claim' | 'first' | 'received' | 'inserted' | 'duplicated' | 'dead' | 'erased', string>
  >(
    `SELECT HEX(claim_id) AS claim, first_index AS first, received, inserted, duplicated, dead, erased
    FROM ingest_batches ORDER BY claim_id, first_index`,
  );
  let wrong = 0;
  let inserted = 0;
  const next = new Map<string, number>();
  for (const row of rows) {
    const received = Number(row.received);
    if (received !== Number(row.inserted) + Number(row.duplicated) + Number(row.dead) + Number(row.erased)) wrong += 1;
    if (Number(row.first) !== (next.get(row.claim) ?? 0)) wrong += 1;
    next.set(row.claim, Number(row.first) + received);
    inserted += Number(row.inserted);
  }
  return wrong + (inserted === stored ? 0 : 1);
}
