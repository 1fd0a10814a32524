import { EngineError } from './engine-error.js';

/** A statement without its FORMAT clause, which clients write at the end. */
export interface FormattedSql {
  sql: string;
  /** TabSeparated where none is named, as in ClickHouse. */
  format: string;
}

const FORMAT = /\s+FORMAT\s+(\w+)\s*;?\s*$/i;

export function splitFormat(text: string): FormattedSql {
  const found = FORMAT.exec(text);
  if (!found) return { sql: text.trim(), format: 'TabSeparated' };
  return { sql: text.slice(0, found.index).trim(), format: found[1]! };
}

/** An insert whose rows follow as the body of the request. */
export interface InsertSql {
  /** Where a table without a database is looked up. Undefined: in the engine's own database. */
  database?: string;
  table: string;
  columns?: string[];
  format: string;
}

const NAME = '`?[A-Za-z_]\\w*`?';
const INSERT = new RegExp(
  `^\\s*INSERT\\s+INTO\\s+(?:TABLE\\s+)?(${NAME}(?:\\.${NAME})?)\\s*(?:\\(([^()]*)\\))?\\s*FORMAT\\s+(\\w+)\\s*$`,
  'i',
);

/** @returns undefined where the text is no insert of this form */
export function parseInsert(text: string): InsertSql | undefined {
  const found = INSERT.exec(text);
  if (!found) return undefined;
  const [, table, columns, format] = found as unknown as [string, string, string | undefined, string];
  const names = columns?.split(',').map((name) => plainName(name.trim()));
  return { table: table.split('.').map(plainName).join('.'), format, ...(names ? { columns: names } : {}) };
}

function plainName(name: string): string {
  return name.replaceAll('`', '');
}

/** Quoted text, where a backslash escapes the next character and two quotes are one. */
const QUOTED = /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`(?:[^`\\]|\\[^]|``)*`/g;

/**
 * Refuses text that could hold more than the one statement that EXPLAIN AST is asked about: chDB runs all of `a; b`.
 * @throws EngineError SYNTAX_ERROR
 */
export function assertOneStatement(sql: string): void {
  const bare = sql.replace(QUOTED, "''");
  if (/'(?!')|(?<!')'(?='')|["`]/.test(bare.replaceAll("''", ''))) {
    throw new EngineError('SYNTAX_ERROR', 'A quote is not closed.');
  }
  const found = /;|--|\/\*|#|\$[\w]*\$/.exec(bare);
  if (found) {
    throw new EngineError(
      'SYNTAX_ERROR',
      `A question holds no ${JSON.stringify(found[0])}: neither comments nor a second statement.`,
    );
  }
}
