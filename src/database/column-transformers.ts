import type { ValueTransformer } from 'typeorm';

/** BINARY(n) in MySQL, lower-case hex digits in the program. Undefined and null pass through. */
export const hex: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? Buffer.from(value, 'hex') : value),
  from: (value: unknown) => (Buffer.isBuffer(value) ? value.toString('hex') : value),
};

/** VARBINARY holding UTF-8 in MySQL (the engines have no common collation that keeps every difference), text here. */
export const utf8: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? Buffer.from(value, 'utf8') : value),
  from: (value: unknown) => (Buffer.isBuffer(value) ? value.toString('utf8') : value),
};

/** A comma-separated VARCHAR in MySQL, a list here; empty text is an empty list. */
export const list: ValueTransformer = {
  to: (value: unknown) => (Array.isArray(value) ? value.join(',') : value),
  from: (value: unknown) => (typeof value === 'string' ? value.split(',').filter(Boolean) : value),
};

/** BIGINT arrives as text; counts stay far below 2^53. */
export const count: ValueTransformer = {
  to: (value: unknown) => value,
  from: (value: unknown) => (typeof value === 'string' ? Number(value) : value),
};
