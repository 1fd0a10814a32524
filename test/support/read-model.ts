import type { ClickHouseClient } from '@clickhouse/client';
import { columnNames, EVENT_FIELDS } from '../../src/events/event-columns.js';
import { storedEvent, type StoredRow } from '../../src/events/stored-event.js';
import { type ProjectionRow, projectionRow } from '../../src/read-model/projection/projection-row.js';
import { READ_BACK, readBack } from '../../src/read-model/schema/read-back.js';
import { clickhouseClient } from './engine.js';
import type { Stack } from './stack.js';

/** Large events: an answer of all of them could take more memory than the engine has for one. */
const ROWS_AT_ONCE = 200;
const ROWS = `SELECT ${READ_BACK} FROM events ORDER BY app_id, id LIMIT ${ROWS_AT_ONCE} OFFSET {offset:UInt32}`;

/** What is in the read model of a stack, and what should be. */
export class ReadModel {
  readonly client: ClickHouseClient;

  constructor(private readonly stack: Stack) {
    this.client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
  }

  /** Every row, as {@link projectionRow} made it. */
  async rows(): Promise<ProjectionRow[]> {
    const all: ProjectionRow[] = [];
    for (;;) {
      const query_params = { offset: all.length };
      const answer = await this.client.query({ query: ROWS, query_params, format: 'JSONEachRow' });
      const rows = (await answer.json<Record<string, unknown>>()).map(readBack);
      all.push(...rows);
      if (rows.length < ROWS_AT_ONCE) return all.sort(byKey);
    }
  }

  /** The rows that MySQL's events make. */
  async expected(): Promise<ProjectionRow[]> {
    const rows = await this.stack.query<StoredRow>(`SELECT ${columnNames(EVENT_FIELDS)} FROM events`);
    return rows.map((row) => projectionRow(storedEvent(row))).sort(byKey);
  }

  /** Waits until every committed event is copied. */
  async caughtUp(timeoutMs?: number): Promise<void> {
    await this.stack.drained(timeoutMs);
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
