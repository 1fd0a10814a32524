import type { ClickHouseClient } from '@clickhouse/client';
import { columnNames, EVENT_FIELDS } from '../../src/events/event-columns.js';
import { storedEvent, type StoredRow } from '../../src/events/stored-event.js';
import { derivationContexts } from '../../src/read-model/projection/own-hosts.js';
import { type ProjectionRow, projectionRow } from '../../src/read-model/projection/projection-row.js';
import { READ_BACK, readBack } from '../../src/read-model/schema/read-back.js';
import { clickhouseClient } from './engine.js';
import type { Stack } from './stack.js';

/** Of large events, all at once would take more memory than the engine has for one answer. */
const ROWS_AT_ONCE = 100;
const KEYS = 'SELECT lower(hex(app_id)) AS app, toString(id) AS idText FROM events ORDER BY app_id, id';
const ROWS = `SELECT ${READ_BACK} FROM events
WHERE lower(hex(app_id)) = {app:String} AND id BETWEEN {first:UInt128} AND {last:UInt128}`;

/** What is in the read model of a stack, and what should be. */
export class ReadModel {
  readonly client: ClickHouseClient;

  constructor(private readonly stack: Stack) {
    this.client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
  }

  /** Every row, as {@link projectionRow} made it. */
  async rows(): Promise<ProjectionRow[]> {
    const all: ProjectionRow[] = [];
    const keys = await this.ask<{ app: string; idText: string }>(KEYS);
    for (const app of new Set(keys.map((key) => key.app))) {
      const unique = [...new Set(keys.filter((key) => key.app === app).map(({ idText }) => idText))];
      for (let from = 0; from < unique.length; from += ROWS_AT_ONCE) {
        const part = unique.slice(from, from + ROWS_AT_ONCE);
        const rows = await this.ask<Record<string, unknown>>(ROWS, { app, first: part[0], last: part.at(-1) });
        all.push(...rows.map(readBack));
      }
    }
    return all.sort(byKey);
  }

  /** The rows that MySQL's events make. */
  async expected(): Promise<ProjectionRow[]> {
    const rows = await this.stack.query<StoredRow>(`SELECT ${columnNames(EVENT_FIELDS)} FROM events`);
    const events = rows.map(storedEvent);
    const apps = events.map(({ appId }) => appId);
    const contextOf = await derivationContexts(this.stack.db.manager, apps);
    return events.map((event) => projectionRow(event, contextOf(event.appId))).sort(byKey);
  }

  /** Waits until every committed event is copied. */
  async caughtUp(timeoutMs?: number): Promise<void> {
    await this.stack.drained(timeoutMs);
  }

  async count(): Promise<number> {
    const [row] = await this.ask<{ n: string }>('SELECT count() AS n FROM events');
    return Number(row!.n);
  }

  private async ask<Row>(query: string, query_params: Record<string, unknown> = {}): Promise<Row[]> {
    const answer = await this.client.query({ query, query_params, format: 'JSONEachRow' });
    return answer.json<Row>();
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

function byKey(a: ProjectionRow, b: ProjectionRow): number {
  const [one, other] = [a.appId + a.id, b.appId + b.id];
  return one < other ? -1 : one > other ? 1 : 0;
}
