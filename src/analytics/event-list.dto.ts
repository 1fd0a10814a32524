import { ApiProperty, type ApiPropertyOptions, IntersectionType } from '@nestjs/swagger';
import { PageQuery } from '../common/page-query.dto.js';
import { typedFields } from '../common/typed-fields.js';
import { DEVICES, type Metadata } from '../events/event.js';
import { type ColumnKind, EVENT_COLUMNS, type EventColumn, SHOWN_FIELDS } from '../events/event-columns.js';
import { eventAnswer, type EventAnswer } from '../events/stored-event.js';
import { FilteredQuery } from './filters.dto.js';
import type { ListedEvent } from './queries/listed-event.js';

export class EventListQuery extends IntersectionType(FilteredQuery, PageQuery) {}

/** An event in answers: metadata is the object that was sent. */
type ListedFields = Omit<EventAnswer, 'metadata'> & { metadata: Metadata | null };

/** An event as in every answer and export: the columns of events/event-columns.ts that are shown. */
export class ListedEventDto extends typedFields<ListedFields>() {}

const SCHEMAS: Record<ColumnKind, ApiPropertyOptions> = {
  uuid: { type: String },
  hash: { type: String },
  bytes: { type: String },
  text: { type: String },
  device: { enum: DEVICES },
  time: { type: String, format: 'date-time' },
  json: { type: 'object', additionalProperties: true },
};
for (const field of SHOWN_FIELDS) {
  const { kind, shown, nullable }: EventColumn = EVENT_COLUMNS[field];
  const about = { ...(shown ? { description: shown } : {}), ...(nullable ? { nullable } : {}) };
  ApiProperty({ ...SCHEMAS[kind], ...about } as ApiPropertyOptions)(ListedEventDto.prototype, field);
}

export class EventListDto {
  /** Newest first, by the time that their sender stated. */
  data!: ListedEventDto[];

  /**
   * For the page that follows; null: there is none. A page also ends at 1 MiB, and leaves out what was erased meanwhile.
   */
  nextCursor!: string | null;

  /** Everything accepted before this time is listed here. RFC 3339, UTC. */
  asOf!: string;
}

export function listedDto(event: ListedEvent): ListedEventDto {
  const { metadata, ...rest } = unparsedDto(event);
  return { ...rest, metadata: metadata === null ? null : (JSON.parse(metadata) as Metadata) };
}

/** Bytes of {@link listedDto} as JSON: metadata is not parsed for it. */
export function listedBytes(event: ListedEvent): number {
  const { metadata, ...rest } = unparsedDto(event);
  return Buffer.byteLength(JSON.stringify(rest)) + Buffer.byteLength(metadata ?? '');
}

/** Leaves metadata as JSON text: parsed, a few thousand of the largest would take a gigabyte. */
export const unparsedDto = eventAnswer;
