import type { EntityManager } from 'typeorm';
import { isDataError } from '../sql-errors.js';

/** A row as mysql2 escapes it into multi-row VALUES. */
export type Row = (string | number | bigint | Buffer | null)[];

/** Rows in one prepared statement. More parameters make it no faster, and a statement takes 65,535 at the most. */
const PAGE_ROWS = 250;

/** What is used of mysql2's connection: the driver under TypeORM's query runner. */
interface DriverConnection {
  execute(sql: string, values: Row, done: (error: Error | null, result: { affectedRows: number }) => void): void;
}

/**
 * Runs `INSERT … VALUES ? …` with many rows: full pages as prepared statements, whose values the server need not parse, and
 * the rest in one statement of text. All rows go in, or none of them.
 * @param manager of a transaction
 * @param sql with `VALUES ?`
 * @returns the number of rows really inserted plus twice the number changed (sessions run without FOUND_ROWS)
 */
export async function insertRows(manager: EntityManager, sql: string, rows: readonly Row[]): Promise<number> {
  if (rows.length === 0) return 0;
  if (rows.length < PAGE_ROWS) return insertPage(manager, sql, rows);
  await manager.query('SAVEPOINT rows_before');
  try {
    let affected = 0;
    const connection = (await manager.queryRunner!.connect()) as DriverConnection;
    const full = rows.length - (rows.length % PAGE_ROWS);
    const prepared = preparedText(sql, rows[0]!.length);
    for (let at = 0; at < full; at += PAGE_ROWS) {
      affected += await execute(connection, prepared, page(rows, at));
    }
    if (full < rows.length) affected += await insertPage(manager, sql, rows.slice(full));
    return affected;
  } catch (error) {
    await undo(manager, error);
    throw error;
  }
}

async function insertPage(manager: EntityManager, sql: string, rows: readonly Row[]): Promise<number> {
  const result: { affectedRows: number } = await manager.query(sql, [rows]);
  return result.affectedRows;
}

/** A transaction that is gone, by a deadlock or with its connection, has no savepoint; the first error tells why. */
async function undo(manager: EntityManager, error: unknown): Promise<void> {
  if (isDataError(error)) await manager.query('ROLLBACK TO SAVEPOINT rows_before');
}

function page(rows: readonly Row[], from: number): Row {
  const values: Row = [];
  for (let at = from; at < from + PAGE_ROWS; at += 1) for (const value of rows[at]!) values.push(value);
  return values;
}

const preparedTexts = new Map<string, string>();

function preparedText(sql: string, columns: number): string {
  let text = preparedTexts.get(sql);
  if (text === undefined) {
    const row = `(${Array.from({ length: columns }, () => '?').join()})`;
    text = sql.replace('VALUES ?', `VALUES ${Array.from({ length: PAGE_ROWS }, () => row).join()}`);
    preparedTexts.set(sql, text);
  }
  return text;
}

function execute(connection: DriverConnection, sql: string, values: Row): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.execute(sql, values, (error, result) => {
      if (error) reject(error);
      else resolve(result.affectedRows);
    });
  });
}

let lastSecond = NaN;
let lastText = '';

/** DATETIME(3) in UTC. Events of one chunk are mostly of the same few seconds: a second's text is made once. */
export function sqlTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    const text = new Date(second * 1000).toISOString();
    lastText = `${text.slice(0, 10)} ${text.slice(11, 19)}`;
    lastSecond = second;
  }
  return `${lastText}.${String(ms - second * 1000).padStart(3, '0')}`;
}
