/** Errors of mysql2, which TypeORM hands on with these fields. */
interface SqlError {
  code?: string;
  errno?: number;
  sqlMessage?: string;
}

/**
 * The closed set of errors that say "this row cannot be stored": anything else is never taken for one, so that an outage
 * cannot send good events to the dead letters.
 */
const DATA_ERRORS: ReadonlySet<number> = new Set([
  1048, // column cannot be null
  1264, // out of range
  1265, // data truncated
  1292, // incorrect value (date, time)
  1366, // incorrect text or number for the column
  1367, // illegal value while parsing
  1406, // data too long
  1416, // bad geometry or binary value
  1526, // no partition for the value
  1690, // number out of range
  3140, // invalid JSON text
  3854, // cannot convert text between character sets
  4025, // CHECK constraint (MariaDB)
  3819, // CHECK constraint (MySQL)
]);

export function isDataError(error: unknown): boolean {
  return DATA_ERRORS.has((error as SqlError).errno ?? 0);
}

export function isDuplicateKey(error: unknown): boolean {
  return (error as SqlError).errno === 1062;
}

/** What MySQL says is wrong with a row. */
export function dataErrorReason(error: unknown): string {
  const { sqlMessage, code } = error as SqlError;
  return `${code ?? 'data error'}: ${sqlMessage ?? (error as Error).message}`;
}
