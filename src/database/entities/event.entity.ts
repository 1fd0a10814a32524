import { Column, type ColumnOptions, Entity, Index } from 'typeorm';
import { typedFields } from '../../common/typed-fields.js';
import { type ColumnKind, EVENT_COLUMNS, EVENT_FIELDS, type EventColumn } from '../../events/event-columns.js';
import type { StoredEventFields } from '../../events/stored-event.js';
import { hex, utf8 } from '../column-transformers.js';

/**
 * A counted event, with the columns of events/event-columns.ts. Partitioned by month of its id. Ids, names and user values are
 * VARBINARY holding UTF-8; metadata is text, so that both engines keep it as it came. No auto-increment, no foreign keys: only
 * processing writes here, in bulk (processing/repositories/event.repository.ts).
 */
@Entity('events')
@Index('events_user', ['appId', 'userKey', 'occurredAt'])
export class Event extends typedFields<StoredEventFields>() {}

const OPTIONS: Record<ColumnKind, ColumnOptions> = {
  uuid: { type: 'binary', length: 16, transformer: hex },
  hash: { type: 'binary', transformer: hex },
  bytes: { type: 'varbinary', transformer: utf8 },
  text: { type: 'varchar' },
  device: { type: 'varchar' },
  time: { type: 'datetime', precision: 3 },
  json: { type: 'mediumtext' },
};

const columns = EVENT_FIELDS.map((field): [string, EventColumn] => [field, EVENT_COLUMNS[field]]);
// The order in which its columns are defined is that of the primary key.
const placeOf = (column: EventColumn): number => column.key ?? Infinity;
columns.sort(([, a], [, b]) => (placeOf(a) === placeOf(b) ? 0 : placeOf(a) - placeOf(b)));
for (const [field, { column: name, kind, length, nullable = false, key }] of columns) {
  const size = length === undefined ? {} : { length };
  Column({ ...OPTIONS[kind], ...size, name, nullable, primary: key !== undefined })(Event.prototype, field);
}
