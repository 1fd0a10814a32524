import { ApiProperty } from '@nestjs/swagger';
import { IsNotEmpty, IsOptional, IsString, MaxLength } from 'class-validator';
import { Deprecated, type DeprecatedSince } from '../common/deprecated.decorator.js';
import type { Device } from '../events/event.js';
import { EVENT_NAME_MAX, USER_ID_MAX } from '../events/limits.js';
import { EmptyIsAbsent, RangeQuery } from './range.dto.js';

export class EventSummaryQuery extends RangeQuery {
  /**
   * The name of the event. Left out: all events together.
   * @example "login_form_cta_click"
   */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  @MaxLength(EVENT_NAME_MAX)
  event?: string;
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

  /**
   * Distinct users, else anonymous ids, else cookieless visitors (those count once a day). Null
   * where they cannot be counted at the moment: `degraded` says so.
   */
  uniqueUsers!: number | null;

  deviceData!: DeviceDataDto;

  /** As asked; else the first day counted, in `timezone`; null when nothing was. */
  startDate!: string | null;

  /** As asked; else the last day counted, in `timezone`; null when nothing was. */
  endDate!: string | null;

  /** The zone in which the days are meant. */
  timezone!: string;

  /** Everything accepted before this time is in these numbers. RFC 3339, UTC. */
  asOf!: string;

  /** Names of fields that could not be answered at the moment, and are null. Left out where there are none. */
  @ApiProperty({ enum: ['uniqueUsers'], isArray: true, required: false })
  degraded?: 'uniqueUsers'[];
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

/** Fields that other answers have under another name, which replaced theirs. */
export const FORMER_NAMES: DeprecatedSince = { release: '0.3.0', day: '2026-12-01' };

export class RecentEventDto {
  /** The id under which it is stored. */
  id!: string;

  event!: string;
  url!: string | null;

  /** When it happened, as it is counted. RFC 3339, UTC. */
  occurredAt!: string;

  /** Use occurredAt. */
  @Deprecated(FORMER_NAMES, { format: 'date-time' })
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
  /** Accepted events of your account that are not stored yet. */
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
  createdAt?: string;

  /** Use createdAt. */
  @Deprecated(FORMER_NAMES, { format: 'date-time', required: false })
  at?: string;

  /** unknown: what is on its way; for signed-in people and keys with "read". */
  pending?: PendingDto;
}
