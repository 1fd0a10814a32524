import { nonEmpty } from '../../database/binary.js';
import { type Expression, metadataDimension, type NamedDimension, namedDimension, VALUE_MAX } from './dimensions.js';

/** What an event must be; several values of one field are alternatives. */
export type EventFilters = Partial<Record<NamedDimension, readonly string[]>> & {
  /** Of the object's own keys. */
  metadata?: readonly { key: string; value: string }[];
  /** ms */
  occurredFrom: number;
  /** ms, not included. */
  occurredBefore?: number;
};

/** @returns conditions that each begin with AND */
export function conditions({ metadata = [], occurredFrom, occurredBefore, ...named }: EventFilters): Expression {
  const found: Expression[] = [{ sql: 'occurred_at >= ?', parameters: [new Date(occurredFrom)] }];
  if (occurredBefore !== undefined) found.push({ sql: 'occurred_at < ?', parameters: [new Date(occurredBefore)] });
  for (const [name, values] of Object.entries(named) as [NamedDimension, readonly string[] | undefined][]) {
    if (values?.length) found.push(isOneOf(namedDimension(name), name.startsWith('utm') ? spellings(values) : values));
  }
  for (const key of new Set(metadata.map((one) => one.key))) {
    const values = metadata.filter((one) => one.key === key).map((one) => one.value);
    found.push(isOneOf(metadataDimension(key), values));
  }
  return {
    sql: found.map(({ sql }) => ` AND ${sql}`).join(''),
    parameters: found.flatMap(({ parameters }) => parameters),
  };
}

/** As an address may carry them: a space is one there already. */
function spellings(values: readonly string[]): string[] {
  return values.flatMap((value) => [value, encodeURIComponent(value.toWellFormed()).replaceAll('%20', ' ')]);
}

function isOneOf(dimension: Expression, values: readonly string[]): Expression {
  const cut = values.filter((value) => [...value].length === VALUE_MAX);
  const found = [matches(dimension, dimension.sql, values)];
  // As a breakdown tells a longer one.
  if (cut.length > 0) found.push(matches(dimension, `LEFT(${dimension.sql}, ${VALUE_MAX})`, cut));
  return {
    sql: `(${found.map(({ sql }) => sql).join(' OR ')})`,
    parameters: found.flatMap(({ parameters }) => parameters),
  };
}

function matches({ parameters }: Expression, sql: string, values: readonly string[]): Expression {
  return {
    sql: `CAST(${sql} AS BINARY) IN (?)`,
    parameters: [...parameters, nonEmpty(values).map((value) => Buffer.from(value))],
  };
}
