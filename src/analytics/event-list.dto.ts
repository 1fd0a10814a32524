import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  Validate,
} from 'class-validator';
import { TimeZone } from '../common/rules.js';
import { type Device, DEVICES } from '../events/event.js';
import { EVENT_NAME_MAX, URL_MAX } from '../events/limits.js';
import { DateOrTime, EmptyIsAbsent, PlusIsKept } from './analytics.dto.js';

/** Values that one filter may name. */
const VALUES_MAX = 20;
const PAGE_MAX = 200;

/** A query names a value once, or several by repeating the name. */
const Listed = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === '' || value === undefined ? undefined : [value].flat()));

export class EventListQuery {
  /**
   * Names of events, repeated for several. Left out: all.
   * @example ["login_form_cta_click"]
   */
  @Listed()
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(VALUES_MAX)
  @IsString({ each: true })
  @MaxLength(EVENT_NAME_MAX, { each: true })
  event?: string[];

  /** Addresses as they were sent, repeated for several. */
  @Listed()
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(VALUES_MAX)
  @IsString({ each: true })
  @MaxLength(URL_MAX, { each: true })
  url?: string[];

  /** Device classes, repeated for several. */
  @Listed()
  @IsOptional()
  @IsArray()
  @IsIn(DEVICES, { each: true })
  device?: Device[];

  /** Names of browsers, repeated for several. */
  @Listed()
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(VALUES_MAX)
  @IsString({ each: true })
  @MaxLength(128, { each: true })
  browser?: string[];

  /** Names of operating systems, repeated for several. */
  @Listed()
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(VALUES_MAX)
  @IsString({ each: true })
  @MaxLength(128, { each: true })
  os?: string[];

  /**
   * The first day, whole, in `timezone`; or a time on the quarter-hour, included. Left out: from the first event on.
   * @example "2024-02-20"
   */
  @EmptyIsAbsent()
  @PlusIsKept()
  @IsOptional()
  @Validate(DateOrTime)
  startDate?: string;

  /**
   * The last day, whole and included; or a time on the quarter-hour, not included. Left out: up to the newest event.
   * @example "2024-02-20"
   */
  @EmptyIsAbsent()
  @PlusIsKept()
  @IsOptional()
  @Validate(DateOrTime)
  endDate?: string;

  /** One of your apps. Left out: all of them (with an API key: its own). */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  appId?: string;

  /** IANA name of the zone in which days and local times are meant. Left out: the app's; UTC when your apps differ. */
  @EmptyIsAbsent()
  @IsOptional()
  @Validate(TimeZone)
  timezone?: string;

  /** `nextCursor` of the page before. */
  @EmptyIsAbsent()
  @IsOptional()
  @IsUUID()
  cursor?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  limit?: number = 50;
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
