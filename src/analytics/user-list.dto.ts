import { IntersectionType } from '@nestjs/swagger';
import { IsOptional, IsString, Length } from 'class-validator';
import { PageQuery } from '../common/page-query.dto.js';
import type { Device, UserKind } from '../events/event.js';
import { USER_ID_MAX } from '../events/limits.js';
import { UserStatsQuery } from './analytics.dto.js';
import { ListedEventDto } from './event-list.dto.js';
import { EmptyIsAbsent } from './range.dto.js';

export class UserListQuery extends PageQuery {
  /** A part of the user id, in the case of its letters. */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  @Length(1, USER_ID_MAX)
  search?: string;

  /** One of your apps. Left out: all of them (with an API key: its own). */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  appId?: string;
}

export class ListedUserDto {
  /** The user id, anonymous id or visitor id, as `kind` says. */
  userId!: string;

  kind!: UserKind;

  /** Over the apps asked for. */
  totalEvents!: number;

  /** RFC 3339, UTC. */
  firstSeen!: string;

  /** RFC 3339, UTC. */
  lastSeen!: string;

  /** Of the newest event, like browser and os. */
  device!: Device;

  browser!: string | null;

  os!: string | null;
}

export class UserListDto {
  /** Who was there last comes first. */
  data!: ListedUserDto[];

  /** For the page that follows; null: there is none. A search has one page. */
  nextCursor!: string | null;

  /** Everything accepted before this time is listed here. RFC 3339, UTC. */
  asOf!: string;
}

export class TimelineQuery extends IntersectionType(UserStatsQuery, PageQuery) {}

export class ClientDto {
  device!: Device;

  browser!: string | null;

  os!: string | null;

  /** Events that came from it. */
  count!: number;

  /** RFC 3339, UTC. */
  lastSeen!: string;
}

export class TimelineDto {
  /** As asked. */
  userId!: string;

  /** What their events came from, the last seen first; at most 20. */
  devices!: ClientDto[];

  /** Newest first, by when they occurred. */
  data!: ListedEventDto[];

  /** For the page that follows; null: there is none. A page also ends at 1 MiB. */
  nextCursor!: string | null;

  /** Everything accepted before this time is listed here. RFC 3339, UTC. */
  asOf!: string;
}
