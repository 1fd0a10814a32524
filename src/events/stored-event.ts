import type { Device } from './event.js';
import { type ColumnKind, EVENT_COLUMNS, type EventField, SHOWN_FIELDS, type ShownField } from './event-columns.js';
import { formatUuid } from './event-id.js';

type Columns = typeof EVENT_COLUMNS;
type NullIn<F extends EventField> = Columns[F] extends { nullable: true } ? null : never;

/** A value of each kind in the program. */
interface Held extends Record<ColumnKind, unknown> {
  uuid: string;
  hash: string;
  bytes: string;
  text: string;
  device: Device;
  time: Date;
  json: string;
}

/** A value of each kind as mysql2 answers it. */
type Answered = Omit<Held, 'uuid' | 'hash' | 'bytes'> & Record<'uuid' | 'hash' | 'bytes', Buffer>;

/** A value of each kind in answers, with JSON still as text. */
type Told = Omit<Held, 'time'> & { time: string };

/** An event as it is stored; ids are 32 hex digits. */
export type StoredEventFields = { [F in EventField]: Held[Columns[F]['kind']] | NullIn<F> };
/** What people see of it. */
export type ShownEvent = Pick<StoredEventFields, ShownField>;
/** A row of MySQL with the columns of {@link SHOWN_FIELDS}. */
export type ShownRow = { [F in ShownField as Columns[F]['column']]: Answered[Columns[F]['kind']] | NullIn<F> };
/** An event in answers, but for metadata, which is the JSON text as it is stored. */
export type ToldEvent = { [F in ShownField]: Told[Columns[F]['kind']] | NullIn<F> };

const READ: { readonly [K in ColumnKind]: (value: Answered[K]) => Held[K] } = {
  uuid: (value) => value.toString('hex'),
  hash: (value) => value.toString('hex'),
  bytes: (value) => value.toString(),
  text: (value) => value,
  device: (value) => value,
  time: (value) => value,
  json: (value) => value,
};

const TELL: { readonly [K in ColumnKind]: (value: Held[K]) => Told[K] } = {
  uuid: formatUuid,
  hash: (value) => value,
  bytes: (value) => value,
  text: (value) => value,
  device: (value) => value,
  time: (value) => value.toISOString(),
  json: (value) => value,
};

/** What the program makes of a row. */
export function shownEvent(row: ShownRow): ShownEvent {
  return eachShown<ShownEvent>((field) => row[EVENT_COLUMNS[field].column], READ);
}

/** What an answer tells of an event. */
export function toldEvent(event: ShownEvent): ToldEvent {
  return eachShown<ToldEvent>((field) => event[field], TELL);
}

/**
 * TypeScript cannot follow a field's kind through a loop: the types of {@link READ} and {@link TELL}, and of what is given and
 * returned, all come from the one list.
 */
function eachShown<Made>(valueOf: (field: ShownField) => unknown, by: Record<ColumnKind, (value: never) => unknown>) {
  const made: Partial<Record<ShownField, unknown>> = {};
  for (const field of SHOWN_FIELDS) {
    const value = valueOf(field);
    made[field] = value === null ? null : by[EVENT_COLUMNS[field].kind](value as never);
  }
  return made as Made;
}
