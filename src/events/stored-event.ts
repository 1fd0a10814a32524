import type { Device } from './event.js';
import {
  type ColumnKind,
  EVENT_COLUMNS,
  EVENT_FIELDS,
  type EventField,
  SHOWN_FIELDS,
  type ShownField,
} from './event-columns.js';
import { formatUuid } from './event-id.js';

type Columns = typeof EVENT_COLUMNS;
type NullIn<F extends EventField> = Columns[F] extends { nullable: true } ? null : never;

/** A value of each kind in the program. */
interface Value extends Record<ColumnKind, unknown> {
  uuid: string;
  hash: string;
  bytes: string;
  text: string;
  device: Device;
  time: Date;
  json: string;
}

/** A value of each kind as mysql2 answers it. */
type RowValue = Omit<Value, 'uuid' | 'hash' | 'bytes'> & Record<'uuid' | 'hash' | 'bytes', Buffer>;

/** A value of each kind in answers, with JSON still as text. */
type AnswerValue = Omit<Value, 'time'> & { time: string };

/** An event as it is stored; ids are 32 hex digits. */
export type StoredEventFields = { [F in EventField]: Value[Columns[F]['kind']] | NullIn<F> };
/** The columns that answers show. */
export type ShownEvent = Pick<StoredEventFields, ShownField>;
/** A row of MySQL with the columns of {@link SHOWN_FIELDS}. */
export type ShownRow = { [F in ShownField as Columns[F]['column']]: RowValue[Columns[F]['kind']] | NullIn<F> };
/** A row of MySQL with all columns. */
export type StoredRow = { [F in EventField as Columns[F]['column']]: RowValue[Columns[F]['kind']] | NullIn<F> };
/** An event in answers, but for metadata, which is the JSON text as it is stored. */
export type EventAnswer = { [F in ShownField]: AnswerValue[Columns[F]['kind']] | NullIn<F> };

const FROM_ROW: { readonly [K in ColumnKind]: (value: RowValue[K]) => Value[K] } = {
  uuid: (value) => value.toString('hex'),
  hash: (value) => value.toString('hex'),
  bytes: (value) => value.toString(),
  text: (value) => value,
  device: (value) => value,
  time: (value) => value,
  json: (value) => value,
};

const TO_ANSWER: { readonly [K in ColumnKind]: (value: Value[K]) => AnswerValue[K] } = {
  uuid: formatUuid,
  hash: (value) => value,
  bytes: (value) => value,
  text: (value) => value,
  device: (value) => value,
  time: (value) => value.toISOString(),
  json: (value) => value,
};

/** An event of a row of MySQL. */
export function shownEvent(row: ShownRow): ShownEvent {
  return each<ShownEvent, ShownField>(SHOWN_FIELDS, (field) => row[EVENT_COLUMNS[field].column], FROM_ROW);
}

/** An event with all that is stored of it. */
export function storedEvent(row: StoredRow): StoredEventFields {
  return each<StoredEventFields, EventField>(EVENT_FIELDS, (field) => row[EVENT_COLUMNS[field].column], FROM_ROW);
}

/** An event as answers show it. */
export function eventAnswer(event: ShownEvent): EventAnswer {
  return each<EventAnswer, ShownField>(SHOWN_FIELDS, (field) => event[field], TO_ANSWER);
}

/**
 * Converts each column by its kind. The casts are safe, since all the types come from the one list of columns: TypeScript
 * cannot follow the kind of a field through a loop.
 */
function each<Made, Field extends EventField>(
  fields: readonly Field[],
  valueOf: (field: Field) => unknown,
  by: Record<ColumnKind, (value: never) => unknown>,
) {
  const made: Partial<Record<EventField, unknown>> = {};
  for (const field of fields) {
    const value = valueOf(field);
    made[field] = value === null ? null : by[EVENT_COLUMNS[field].kind](value as never);
  }
  return made as Made;
}
