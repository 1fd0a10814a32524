import type { ClickHouseClient } from '@clickhouse/client';
import { columnNames, EVENT_FIELDS } from '../../src/events/event-columns.js';
import { storedEvent, type StoredRow } from '../../src/events/stored-event.js';
import { type ProjectionRow, projectionRow } from '../../src/read-model/projection/projection-row.js';
import { READ_MODEL_COLUMNS } from '../../src/read-model/schema/event-columns.js';
import { clickhouseClient } from './engine.js';
import type { Stack } from './stack.js';
import { until } from './until.js';

const FIELDS = Object.entries(READ_MODEL_COLUMNS);

/** How each type of column is read back as the projection made it. */
function readAs(column: string, type: string): string {
  if (type.startsWith('UUID')) return `replaceAll(toString(${column}), '-', '')`;
  if (type.startsWith('UInt128')) return `leftPad(lower(hex(${column})), 32, '0')`;
  if (type.startsWith('DateTime64')) return `toInt64(toUnixTimestamp64Milli(${column}))`;
  return column;
}

const ROWS = `SELECT ${FIELDS.map(([field, { name, type }]) => `${readAs(name, type)} AS ${field}_`).join(', ')}
FROM events ORDER BY app_id, id`;

/** What is in the read model of a stack, and what should be. */
export class ReadModel {
  readonly client: ClickHouseClient;

  constructor(private readonly stack: Stack) {
    this.client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
  }

  /** Every row, as {@link projectionRow} made it. */
  async rows(): Promise<ProjectionRow[]> {
    const answer = await this.client.query({
      query: ROWS,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    });
    const found = await answer.json<Record<string, unknown>>();
    return found
      .map((row) => Object.fromEntries(FIELDS.map(([field]) => [field, row[`${field}_`]])) as unknown as ProjectionRow)
      .sort(byKey);
  }

  /** The rows that MySQL's events make. */
  async expected(): Promise<ProjectionRow[]> {
    const rows = await this.stack.query<StoredRow>(`SELECT ${columnNames(EVENT_FIELDS)} FROM events`);
    return rows.map((row) => projectionRow(storedEvent(row))).sort(byKey);
  }

  /** Waits until every committed event is copied. */
  async caughtUp(timeoutMs?: number): Promise<void> {
    await this.stack.drained(timeoutMs);
    const left = 'SELECT 1 FROM outbox LIMIT 1';
    await until(async () => (await this.stack.query(left)).length === 0, 'the outbox to be empty', timeoutMs);
  }

  async count(): Promise<number> {
    const answer = await this.client.query({ query: 'SELECT count() AS n FROM events', format: 'JSONEachRow' });
    const [row] = await answer.json<{ n: string }>();
    return Number(row!.n);
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

function byKey(a: ProjectionRow, b: ProjectionRow): number {
  const [one, other] = [a.appId + a.id, b.appId + b.id];
  return one < other ? -1 : one > other ? 1 : 0;
}
