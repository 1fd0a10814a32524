import { ApiProperty } from '@nestjs/swagger';
import { DEVICES, type Device, type Metadata, USER_KINDS, type UserKind } from '../events/event.js';

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
  ipAddress!: string | null;
}

/** An event as it is stored. */
export class PersonEventDto {
  id!: string;
  eventId!: string | null;
  event!: string;

  /** RFC 3339, UTC. */
  timestamp!: string;
  receivedAt!: string;
  userId!: string | null;
  anonymousId!: string | null;
  sessionId!: string | null;
  url!: string | null;
  referrer!: string | null;

  @ApiProperty({ enum: DEVICES })
  device!: Device;
  browser!: string | null;
  os!: string | null;
  userAgent!: string | null;
  ipAddress!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  metadata!: Metadata | null;
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
