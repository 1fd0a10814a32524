import { IntersectionType } from '@nestjs/swagger';
import { PageQuery } from '../common/page-query.dto.js';
import { formatUuid } from '../events/event-id.js';
import type { Device } from '../events/event.js';
import { FilteredQuery } from './filters.dto.js';
import type { ListedEvent } from './queries/listed-event.js';

export class EventListQuery extends IntersectionType(FilteredQuery, PageQuery) {}

export class ListedEventDto {
  /** The id under which it is stored. */
  id!: string;

  appId!: string;

  /** As it was sent; null: it was sent without one. */
  eventId!: string | null;

  event!: string;

  /** RFC 3339, UTC. */
  occurredAt!: string;

  /** RFC 3339, UTC. */
  receivedAt!: string;

  userId!: string | null;

  anonymousId!: string | null;

  sessionId!: string | null;

  url!: string | null;

  referrer!: string | null;

  device!: Device;

  browser!: string | null;

  os!: string | null;

  /** As the app's ipMode keeps it. */
  ip!: string | null;

  /** As it was sent. */
  metadata!: Record<string, unknown> | null;
}

export class EventListDto {
  /** Newest first, by the time that their sender stated. */
  data!: ListedEventDto[];

  /**
   * For the page that follows; null: there is none. A question looks at no more than 20,000 events of each app, so a page of
   * something rare may hold little, or nothing, and the next one more. A page also ends at 1 MiB.
   */
  nextCursor!: string | null;
}

export function listedDto(event: ListedEvent): ListedEventDto {
  const { metadata, ...rest } = unparsedDto(event);
  return { ...rest, metadata: metadata === null ? null : (JSON.parse(metadata) as Record<string, unknown>) };
}

/** Bytes of {@link listedDto} as JSON: metadata is not parsed for it. */
export function listedBytes(event: ListedEvent): number {
  const { metadata, ...rest } = unparsedDto(event);
  return Buffer.byteLength(JSON.stringify(rest)) + Buffer.byteLength(metadata ?? '');
}

/** With metadata as the JSON text that it is: as objects a few thousand of the largest would take a gigabyte. */
export function unparsedDto(event: ListedEvent): Omit<ListedEventDto, 'metadata'> & { metadata: string | null } {
  return {
    ...event,
    id: formatUuid(event.id),
    appId: formatUuid(event.appId),
    occurredAt: event.occurredAt.toISOString(),
    receivedAt: event.receivedAt.toISOString(),
  };
}
