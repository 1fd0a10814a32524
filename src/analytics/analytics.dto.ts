import { Transform } from 'class-transformer';
import {
  IsNotEmpty,
  IsOptional,
  IsString,
  MaxLength,
  Validate,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { TimeZone } from '../common/rules.js';
import type { Device } from '../events/event.js';
import { EVENT_NAME_MAX, USER_ID_MAX } from '../events/limits.js';
import { parseRangeBound, withPlus } from './range-bound.js';

/** A form that sends `event=` means: not given. */
export const EmptyIsAbsent = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === '' ? undefined : value));

/** The + of an offset may arrive as a space. */
export const PlusIsKept = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? withPlus(value) : value));

/** A day, or a time, as a bound of a range. */
@ValidatorConstraint({ name: 'rangeBound' })
export class DateOrTime implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && parseRangeBound(value) !== undefined;
  }

  defaultMessage(): string {
    return 'must be a date (2024-02-20), or a date and time (2024-02-20T12:30, 2024-02-20T12:30:00Z), that exists';
  }
}

export class EventSummaryQuery {
  /**
   * The name of the event. Left out: all events together.
   * @example "login_form_cta_click"
   */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  @MaxLength(EVENT_NAME_MAX)
  event?: string;

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
   * The last day, whole and included; or a time on the quarter-hour, not included. Left out: up to the last event.
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

  /**
   * IANA name of the zone in which days and local times are meant. Left out: the app's; UTC when your apps differ.
   * @example "Europe/Berlin"
   */
  @EmptyIsAbsent()
  @IsOptional()
  @Validate(TimeZone)
  timezone?: string;
}

/** Every device class, 0 where there was none; they sum to count. */
export class DeviceDataDto implements Record<Device, number> {
  mobile!: number;
  tablet!: number;
  desktop!: number;
  bot!: number;
  other!: number;
}

export class EventSummaryDto {
  /** As asked; null: all events. */
  event!: string | null;

  /** Each event once, however often it was sent. */
  count!: number;

  /** Distinct users, else anonymous ids, else cookieless visitors (those count once a day). */
  uniqueUsers!: number;

  deviceData!: DeviceDataDto;

  /** As asked; else the first day counted, in `timezone`; null when nothing was. */
  startDate!: string | null;

  /** As asked; else the last day counted, in `timezone`; null when nothing was. */
  endDate!: string | null;

  /** The zone in which the days are meant. */
  timezone!: string;

  /** Everything accepted before this time is in these numbers. RFC 3339, UTC. */
  asOf!: string;
}

export class UserStatsQuery {
  /**
   * A user id as you sent it; else an anonymous id, or a visitor id of ours.
   * @example "user789"
   */
  @MaxLength(USER_ID_MAX)
  @IsString()
  @IsNotEmpty({ message: 'must be given: whose figures do you ask for?' })
  userId!: string;

  /** One of your apps. Left out: all of them (with an API key: its own). */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  appId?: string;
}

export class DeviceDetailsDto {
  browser!: string | null;
  os!: string | null;
  device!: Device | null;
}

export class RecentEventDto {
  event!: string;
  url!: string | null;

  /** When it happened. RFC 3339, UTC. */
  timestamp!: string;

  device!: Device;
}

export class UserStatsDto {
  /** As asked. */
  userId!: string;

  /** 0 for somebody unknown. */
  totalEvents!: number;

  /** Of the newest event. */
  deviceDetails!: DeviceDetailsDto;

  /** Of the newest event. */
  ipAddress!: string | null;

  /** RFC 3339, UTC; null for somebody unknown. */
  firstSeen!: string | null;

  /** RFC 3339, UTC; null for somebody unknown. */
  lastSeen!: string | null;

  /** The newest ten, newest first. */
  recentEvents!: RecentEventDto[];
}

export class PendingDto {
  /** Accepted events of this installation that are not stored yet. */
  events!: number;

  /** Milliseconds since the oldest of them was received. */
  oldestAgeMs!: number;
}

/** What became of an accepted event. */
export class ReceiptDto {
  /** `unknown`: it may still be on its way; ask again. */
  status!: 'stored' | 'dead_letter' | 'unknown';

  /** The stored id. */
  id?: string;

  /** As you sent it, else equal to id. */
  eventId?: string;

  /** stored: when it happened, as it is counted. */
  occurredAt?: string;

  /** stored: when it was received. */
  receivedAt?: string;

  /** stored: when it was committed; null once that is longer ago than the ledger reaches (31 days). */
  storedAt?: string | null;

  /** stored: how many copies with other content were put among the dead letters. */
  conflicts?: number;

  /** dead_letter: why, for programs. */
  code?: string;

  /** dead_letter: why, for people. */
  reason?: string;

  /** dead_letter: when. */
  at?: string;

  /** unknown: what is on its way; for signed-in people and keys with "read". */
  pending?: PendingDto;
}
