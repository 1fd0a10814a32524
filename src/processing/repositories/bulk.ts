import type { EntityManager } from 'typeorm';

/** A row as mysql2 escapes it into multi-row VALUES. */
export type Row = (string | number | bigint | Buffer | null)[];

/**
 * Runs `INSERT … VALUES ? …` with all rows in one statement: near LOAD DATA in speed, where a query builder reaches
 * less than half. Values are bound by mysql2, never put into the text here.
 * @returns the number of rows really inserted plus twice the number changed (sessions run without FOUND_ROWS)
 */
export async function insertRows(manager: EntityManager, sql: string, rows: readonly Row[]): Promise<number> {
  if (rows.length === 0) return 0;
  const result: { affectedRows: number } = await manager.query(sql, [rows]);
  return result.affectedRows;
}

/** DATETIME(3) in UTC. */
export function sqlTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 23).replace('T', ' ');
}

/** BINARY from hex digits. */
export function binary(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
