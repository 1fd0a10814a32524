import { hostOf } from '../../read-model/derive/host.js';
import { SqlValues } from '../../read-model/sql-values.js';
import { type NamedDimension, VALUE_MAX } from '../dimensions.js';
import { columnDimension, type CopiedDimension, metadataDimension } from './dimensions.js';

/** What an event must be; several values of one field are alternatives. Without the range of a question. */
export type AskedFilters = Partial<Record<NamedDimension, readonly string[]>> & {
  /** Of the object's own keys. */
  metadata?: readonly { key: string; value: string }[];
};

/** @returns conditions that each begin with AND */
export function filterConditions(values: SqlValues, { metadata = [], ...named }: AskedFilters): string {
  const found: string[] = [];
  for (const [name, texts] of Object.entries(named) as [NamedDimension, readonly string[] | undefined][]) {
    if (!texts?.length) continue;
    const spelled = name === 'referrerHost' ? texts.flatMap((text) => [text, hostOf(text) || text]) : texts;
    found.push(isOneOf(values, columnDimension(name), [...new Set(spelled)]));
  }
  for (const key of new Set(metadata.map((one) => one.key))) {
    const texts = metadata.filter((one) => one.key === key).map((one) => one.value);
    found.push(isOneOf(values, metadataDimension(values, key), texts));
  }
  return found.map((condition) => ` AND ${condition}`).join('');
}

/** A text of the greatest length that an answer tells stands for all longer ones that begin with it, too. */
function isOneOf(values: SqlValues, { sql, cut }: CopiedDimension, texts: readonly string[]): string {
  const whole = `${sql} IN ${values.list('String', texts)}`;
  const told = texts.filter((text) => [...text].length === VALUE_MAX);
  return told.length === 0 ? whole : `(${whole} OR ${cut} IN ${values.list('String', told)})`;
}
