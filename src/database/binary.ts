/** BINARY from hex digits. */
export function binary(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

/**
 * The values of an `IN (?)`. A list without values is a mistake of the caller, who has nothing to ask for then: as a
 * condition it would be a syntax error, or, with TypeORM's find methods, no condition at all.
 * @throws Error when the list is empty
 */
export function nonEmpty<T>(values: readonly T[]): readonly T[] {
  if (values.length === 0) throw new Error('A condition was built from an empty list');
  return values;
}

/** The values of an `IN (?)` over BINARY. @param hex at least one @throws Error when there is none */
export function binaries(hex: readonly string[]): Buffer[] {
  return nonEmpty(hex).map((one) => binary(one));
}
