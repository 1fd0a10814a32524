/**
 * How a column holds its value: in MySQL, in the program, and in answers.
 *
 * | kind | MySQL | program | JSON |
 * |---|---|---|---|
 * | uuid | BINARY(16) | 32 hex digits | with dashes |
 * | hash | BINARY | hex digits | never shown |
 * | bytes | VARBINARY holding UTF-8 | text | text |
 * | text, device | VARCHAR | text | text |
 * | time | DATETIME(3), UTC | Date | RFC 3339 |
 * | json | MEDIUMTEXT | JSON text | object |
 */
export type ColumnKind = 'uuid' | 'hash' | 'bytes' | 'text' | 'device' | 'time' | 'json';

/** What is known of a column of `events`. */
export interface EventColumn {
  /** Name in MySQL. */
  column: string;
  kind: ColumnKind;
  /** In bytes for `bytes` and `hash`, in characters for `text` and `device`. */
  length?: number;
  nullable?: true;
  /** Place in the primary key. */
  key?: 1 | 2;
  /** Its member of the envelope (envelope.ts), for an optional text that travels from collect to the table as it is. */
  envelope?: string;
  /** Set for columns that answers show: the description in the OpenAPI document, or '' for none. */
  shown?: string;
}

/**
 * The columns of `events`, under their names in the program and in answers. From this list follow the entity, the envelope's
 * optional members, the INSERT, every SELECT of whole events, list, timeline, live feed, exports and their OpenAPI schemas. A
 * new column is a line here and a migration; collect sets its value in the event that it accepts.
 *
 * Columns that are shown stand in the order of the CSV export. Add new ones behind the last: programs may read by position.
 */
export const EVENT_COLUMNS = {
  id: { column: 'id', kind: 'uuid', key: 2, shown: 'The id under which it is stored: a UUIDv7 of its own time.' },
  appId: { column: 'app_id', kind: 'uuid', key: 1, shown: '' },
  event: { column: 'event', kind: 'bytes', length: 512, shown: '' },
  occurredAt: { column: 'occurred_at', kind: 'time', shown: 'When it happened, as it is counted. RFC 3339, UTC.' },
  receivedAt: { column: 'received_at', kind: 'time', shown: 'RFC 3339, UTC.' },
  eventId: column('event_id', 'bytes', 512, 'x', 'As it was sent; null: it was sent without one.'),
  userId: { column: 'user_id', kind: 'bytes', length: 512, nullable: true, shown: '' },
  anonymousId: column('anonymous_id', 'bytes', 512, 'n', ''),
  sessionId: column('session_id', 'bytes', 512, 's', ''),
  url: column('url', 'text', 2048, 'l', ''),
  referrer: column('referrer', 'text', 2048, 'f', ''),
  device: { column: 'device', kind: 'device', length: 8, shown: '' },
  browser: column('browser', 'text', 128, 'b', ''),
  os: column('os', 'text', 128, 'o', ''),
  ip: column('ip', 'text', 45, 'p', "As the app's ipMode keeps it."),
  metadata: { column: 'metadata', kind: 'json', nullable: true, envelope: 'm', shown: 'As it was sent.' },
  userAgent: column('user_agent', 'text', 512, 'g', 'Only where the event named one.'),
  /** The first 16 bytes of SHA-256(kind, value) of the distinct user. */
  userKey: { column: 'user_key', kind: 'hash', length: 16 },
  payloadHash: { column: 'payload_hash', kind: 'hash', length: 8 },
  /** The transaction that inserted it: what the rollups of that transaction count. */
  batchId: { column: 'batch_id', kind: 'hash', length: 16 },
} as const satisfies Record<string, EventColumn>;

/** An optional text that travels from collect to the table as it is, and is shown. */
function column<const Name extends string, const Kind extends 'bytes' | 'text', const Member extends string>(
  name: Name,
  kind: Kind,
  length: number,
  envelope: Member,
  shown: string,
) {
  return { column: name, kind, length, nullable: true, envelope, shown } as const;
}

type Columns = typeof EVENT_COLUMNS;

/** Name of a column in the program. */
export type EventField = keyof Columns;

type FieldsWith<Trait extends keyof EventColumn> = {
  [F in EventField]: Columns[F] extends Record<Trait, unknown> ? F : never;
}[EventField];

/** Fields that people see. */
export type ShownField = FieldsWith<'shown'>;
/** Optional texts that travel from collect to the table as they are. */
export type CarriedField = FieldsWith<'envelope'>;
export type CarriedTexts = { [F in CarriedField]?: string };

export const EVENT_FIELDS = Object.keys(EVENT_COLUMNS).filter(isField);
export const SHOWN_FIELDS = EVENT_FIELDS.filter(isShown);
export const CARRIED_FIELDS = EVENT_FIELDS.filter(isCarried);

function isField(name: string): name is EventField {
  return Object.hasOwn(EVENT_COLUMNS, name);
}

function isShown(field: EventField): field is ShownField {
  return 'shown' in EVENT_COLUMNS[field];
}

export function isCarried(field: EventField): field is CarriedField {
  return 'envelope' in EVENT_COLUMNS[field];
}

/** Names in MySQL, as a SELECT or INSERT lists them. */
export function columnNames(fields: readonly EventField[]): string {
  return fields.map((field) => EVENT_COLUMNS[field].column).join(', ');
}
