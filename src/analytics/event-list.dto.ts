import { IntersectionType } from '@nestjs/swagger';
import { IsArray, IsIn, IsOptional } from 'class-validator';
import { PageQuery } from '../common/page-query.dto.js';
import { type Device, DEVICES } from '../events/event.js';
import { EVENT_NAME_MAX, URL_MAX } from '../events/limits.js';
import { RangeQuery, RepeatedIsList, RepeatedText } from './range.dto.js';

/** Values that one filter may name. */
const VALUES_MAX = 20;
/** As browsers and systems are stored. */
const CLIENT_NAME_MAX = 128;

export class EventListQuery extends IntersectionType(RangeQuery, PageQuery) {
  /**
   * Names of events, repeated for several. Left out: all.
   * @example ["login_form_cta_click"]
   */
  @RepeatedText(VALUES_MAX, EVENT_NAME_MAX)
  event?: string[];

  /** Addresses as they were sent, repeated for several. */
  @RepeatedText(VALUES_MAX, URL_MAX)
  url?: string[];

  /** Device classes, repeated for several. */
  @RepeatedIsList()
  @IsOptional()
  @IsArray()
  @IsIn(DEVICES, { each: true })
  device?: Device[];

  /** Names of browsers, repeated for several. */
  @RepeatedText(VALUES_MAX, CLIENT_NAME_MAX)
  browser?: string[];

  /** Names of operating systems, repeated for several. */
  @RepeatedText(VALUES_MAX, CLIENT_NAME_MAX)
  os?: string[];
}

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
   * something rare may hold little, or nothing, and the next one more.
   */
  nextCursor!: string | null;
}
