import type { ProjectionRow } from '../projection/projection-row.js';
import { READ_MODEL_COLUMNS } from './event-columns.js';

const COLUMNS = Object.entries(READ_MODEL_COLUMNS);
/** An alias that is also a column's name would stand for it in WHERE. */
const AS = '_';

/** A column as the projection made its value. */
function readAs(column: string, type: string): string {
  if (type.startsWith('UUID')) return `replaceAll(toString(${column}), '-', '')`;
  if (type.startsWith('UInt128')) return `leftPad(lower(hex(${column})), 32, '0')`;
  if (type.startsWith('DateTime64')) return `toInt64(toUnixTimestamp64Milli(${column}))`;
  return column;
}

/** Selects all columns of `events`, for {@link readBack}. */
export const READ_BACK = COLUMNS.map(([field, { name, type }]) => `${readAs(name, type)} AS ${field}${AS}`).join(', ');

/** A row of a SELECT of {@link READ_BACK} in the format JSONEachRow, as the projection made it. */
export function readBack(row: Record<string, unknown>): ProjectionRow {
  const fields = COLUMNS.map(([field, { type }]): [string, unknown] => {
    const value = row[field + AS];
    return [field, type.startsWith('DateTime64') ? Number(value) : value];
  });
  return Object.fromEntries(fields) as unknown as ProjectionRow;
}
