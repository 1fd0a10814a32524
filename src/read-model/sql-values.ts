import { formatUuid } from '../events/event-id.js';
import { uint128Field } from './schema/tab-separated.js';

/** Types of ClickHouse that values of questions have. */
export type SqlType = 'String' | 'Int64' | 'UInt32' | 'UInt64' | 'UInt128' | 'UUID';

/**
 * The values of a statement for ClickHouse: its text holds placeholders only. They are numbered, so that the same question
 * with other values has the same text, which the engine has checked before. Lists are written one placeholder a value, since
 * chDB takes no arrays.
 */
export class SqlValues {
  readonly params: Record<string, string | number> = {};
  private count = 0;

  /** @returns the placeholder of a value */
  add(type: SqlType, value: string | number): string {
    const name = `v${this.count}`;
    this.count += 1;
    this.params[name] = value;
    return `{${name}:${type}}`;
  }

  /** @param values at least one @returns `(…)`, as it stands behind IN */
  list(type: SqlType, values: readonly (string | number)[]): string {
    if (values.length === 0) throw new Error('A condition was built from an empty list');
    return `(${values.map((value) => this.add(type, value)).join(', ')})`;
  }

  /** @param appIds 32 hex digits each, at least one @returns the condition by which the primary key begins */
  apps(appIds: readonly string[]): string {
    return `app_id IN ${this.list('UUID', appIds.map(formatUuid))}`;
  }

  /** A moment. @param ms since 1970 UTC */
  time(ms: number): string {
    return `fromUnixTimestamp64Milli(${this.add('Int64', ms)}, 'UTC')`;
  }

  /** An id or a key. @param hex 32 hex digits */
  uint128(hex: string): string {
    return this.add('UInt128', uint128Field(hex));
  }

  /** @param hex ids or keys of 32 hex digits each, at least one @returns `(…)`, as it stands behind IN */
  uint128s(hex: readonly string[]): string {
    return this.list('UInt128', hex.map(uint128Field));
  }
}
