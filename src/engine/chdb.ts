import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What a statement answers with. */
export interface ChdbAnswer {
  /** Seconds. */
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  /** The answer in the format that was asked for. */
  bytes(): Uint8Array;
  text(): string;
}

/** Rows for one table, as bytes in a format. */
export interface ChdbInsert {
  table: string;
  columns?: readonly string[];
  format: string;
  values: Buffer;
  settings?: Readonly<Record<string, string>>;
}

/** A session of chDB. It runs one statement at a time. */
export interface ChdbSession {
  queryAsync(sql: string, options: { format: string }): Promise<ChdbAnswer>;
  insert(rows: ChdbInsert): Promise<{ rowsWritten: number; bytesWritten: number }>;
  close(): void;
}

/** The part of the npm package `chdb` that the engine uses. */
export interface Chdb {
  /** @param path folder of the database @param options arguments of `clickhouse local` */
  Session: new (path: string, options: { connectionArgs: readonly string[] }) => ChdbSession;
  /** Resolves when nothing runs any more and every closed session is gone. */
  drainPending(): Promise<void>;
}

/** An error of ClickHouse, as chDB throws it. */
export interface ChdbError extends Error {
  /** ClickHouse's number, such as 159 for TIMEOUT_EXCEEDED; undefined where the fault is chDB's own. */
  clickhouseCode?: number;
}

/** chDB is not installed, or has no binary for this platform. */
export class ChdbMissingError extends Error {
  readonly code = 'CHDB_MISSING';

  constructor(folder: string, options: ErrorOptions) {
    super(
      `chDB is not installed in ${folder}: run npm install there, or set CLICKHOUSE_URL to a ClickHouse server.`,
      options,
    );
    this.name = 'ChdbMissingError';
  }
}

/**
 * Loads chDB from a folder of its own, so that an installation that uses a ClickHouse server can do without it.
 * @param folder holds package.json and node_modules
 * @throws ChdbMissingError
 */
export function loadChdb(folder: string): Chdb {
  try {
    return createRequire(join(folder, 'package.json'))('chdb') as Chdb;
  } catch (error) {
    throw new ChdbMissingError(folder, { cause: error });
  }
}
