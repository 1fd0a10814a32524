import { ApiProperty } from '@nestjs/swagger';
import { FORMER_NAMES } from '../analytics/analytics.dto.js';
import { ListedEventDto } from '../analytics/event-list.dto.js';
import { Deprecated } from '../common/deprecated.decorator.js';
import { DEVICES, type Device, USER_KINDS, type UserKind } from '../events/event.js';

/** What is kept of a person beside their events. */
export class PersonProfileDto {
  /** How the id is known. */
  @ApiProperty({ enum: USER_KINDS })
  kind!: UserKind;

  totalEvents!: number;

  /** RFC 3339, UTC. */
  firstSeen!: string;
  lastSeen!: string;

  @ApiProperty({ enum: DEVICES })
  device!: Device;
  browser!: string | null;
  os!: string | null;

  /** Of the newest event. */
  ip!: string | null;

  /** Use ip. */
  @Deprecated(FORMER_NAMES)
  ipAddress!: string | null;
}

/** An event as in lists and exports, with two of its fields under their former names as well. */
export class PersonEventDto extends ListedEventDto {
  /** Use occurredAt. */
  @Deprecated(FORMER_NAMES, { format: 'date-time' })
  timestamp!: string;

  /** Use ip. */
  @Deprecated(FORMER_NAMES)
  ipAddress!: string | null;
}

/** All that an app knows of a person. */
export class PersonExportDto {
  userId!: string;
  appId!: string;

  /** RFC 3339, UTC. What is received later is not in it. */
  exportedAt!: string;

  /** One for each kind of id by which the person is known; none for somebody unknown. */
  profiles!: PersonProfileDto[];

  /** Oldest first, by kind of id. */
  events!: PersonEventDto[];

  /** Entries that could not be stored, as they were accepted. */
  deadLetters!: string[];
}
