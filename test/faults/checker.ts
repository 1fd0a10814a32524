import type { AcceptedEvent } from '../../src/events/event.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { clickhouseClient } from '../support/engine.js';
import type { Stack } from '../support/stack.js';
import type { Load, SentEvent } from './load.js';

/** What became of everything that was sent. Only the first three may be above zero. */
export interface Verdict extends CopyVerdict {
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

/** What became of what MySQL holds. */
interface CopyVerdict {
  /** In MySQL, and not in ClickHouse. */
  notCopied: number;
  /** In ClickHouse more than once. */
  copiedTwice: number;
  /** In ClickHouse, and not in MySQL; or with another time, event, device or metadata than the client sent. */
  copiedWrong: number;
}

interface CopiedRow {
  id: string;
  occurredAt: string;
  event: string;
  device: string;
  metadata: string;
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
    ...(await checkCopy(stack, load, stored)),
  };
}

const COPIED_AT_ONCE = 10_000;
const COPIED = `SELECT leftPad(lower(hex(id)), 32, '0') AS id_, toString(toUnixTimestamp64Milli(occurred_at)) AS occurredAt,
  event AS event_, device AS device_, metadata AS metadata_
FROM events WHERE id > {after:UInt128} ORDER BY id LIMIT ${COPIED_AT_ONCE} WITH TIES`;

/** Compares ClickHouse with what the clients sent, for what MySQL holds. @param stored MySQL's rows by their marks */
async function checkCopy(stack: Stack, load: Load, stored: ReadonlyMap<string, StoredRow>): Promise<CopyVerdict> {
  const verdict = { notCopied: 0, copiedTwice: 0, copiedWrong: 0 };
  if (!stack.variables.CLICKHOUSE_COPY_URL) return verdict;
  const marks = new Map([...stored].map(([mark, { id }]) => [id, mark]));
  const found = new Set<string>();
  for await (const row of copiedRows(stack)) {
    const mark = marks.get(row.id);
    const sent = mark === undefined ? undefined : load.sent.get(mark);
    if (found.has(row.id)) verdict.copiedTwice += 1;
    else if (!sent || !isCopyOf(row, sent, stored.get(sent.mark)!)) verdict.copiedWrong += 1;
    found.add(row.id);
  }
  verdict.notCopied = [...marks.keys()].filter((id) => !found.has(id)).length;
  return verdict;
}

async function* copiedRows(stack: Stack): AsyncGenerator<CopiedRow> {
  const client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
  try {
    for (let after = '0'; ;) {
      const answer = await client.query({ query: COPIED, query_params: { after }, format: 'JSONEachRow' });
      const rows = (await answer.json<Record<string, string>>()).map((row) => ({
        id: row.id_!,
        occurredAt: row.occurredAt!,
        event: row.event_!,
        device: row.device_!,
        metadata: row.metadata_!,
      }));
      yield* rows;
      if (rows.length < COPIED_AT_ONCE) return;
      after = BigInt(`0x${rows.at(-1)!.id}`).toString();
    }
  } finally {
    await client.close();
  }
}

function isCopyOf(row: CopiedRow, sent: SentEvent, { occurred_at: storedAt }: StoredRow): boolean {
  return (
    Number(row.occurredAt) === (sent.occurredAt ?? storedAt.getTime()) &&
    row.event === sent.event &&
    row.device === sent.device &&
    row.metadata === JSON.stringify(sent.body.metadata)
  );
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
