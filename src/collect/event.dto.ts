import { ApiHideProperty } from '@nestjs/swagger';
import { IsIP, IsObject, IsOptional, IsString, Length, MaxLength, Validate } from 'class-validator';
import type { Metadata } from '../events/event.js';
import { Rfc3339 } from '../common/rules.js';
import { EVENT_ID_MAX, EVENT_NAME_MAX, URL_MAX, USER_AGENT_MAX, USER_ID_MAX } from '../events/limits.js';
import { KeptAddress, KeptMetadata, KeptText, VisibleText } from './event.rules.js';

/**
 * One event as a client posts it. Only `event` is required; names are also taken in snake_case. A visitor without userId
 * and anonymousId gets a cookieless id and counts once a day.
 */
export class EventDto {
  static readonly strangersBelongIn = 'metadata';
  static readonly clockFields = ['timestamp', 'sentAt'];

  /**
   * What happened.
   * @example "login_form_cta_click"
   */
  @Validate(VisibleText, [EVENT_NAME_MAX])
  @IsString()
  @Length(1, EVENT_NAME_MAX)
  event!: string;

  /**
   * Your own id of this event. The same id with the same timestamp can be sent again and counts once. An id that is a
   * UUIDv7 needs no timestamp.
   */
  @IsOptional()
  @Validate(VisibleText, [EVENT_ID_MAX])
  @IsString()
  @Length(1, EVENT_ID_MAX)
  eventId?: string;

  /**
   * When it happened (RFC 3339). Left out: when it was received.
   * @example "2024-02-20T12:34:56Z"
   */
  @IsOptional()
  @Validate(Rfc3339)
  timestamp?: string;

  /** Who did it, as you know the person. Also taken as trackingUserId, distinctId and metadata.userId. */
  @IsOptional()
  @Validate(VisibleText, [USER_ID_MAX])
  @IsString()
  @Length(1, USER_ID_MAX)
  userId?: string;

  @ApiHideProperty()
  @IsOptional()
  @Validate(VisibleText, [USER_ID_MAX])
  @IsString()
  @Length(1, USER_ID_MAX)
  trackingUserId?: string;

  @ApiHideProperty()
  @IsOptional()
  @Validate(VisibleText, [USER_ID_MAX])
  @IsString()
  @Length(1, USER_ID_MAX)
  distinctId?: string;

  /** Who did it while nobody is signed in: an id that your client made up and keeps. */
  @IsOptional()
  @Validate(VisibleText, [USER_ID_MAX])
  @IsString()
  @Length(1, USER_ID_MAX)
  anonymousId?: string;

  /** An id of your own that groups events. */
  @IsOptional()
  @Validate(VisibleText, [USER_ID_MAX])
  @IsString()
  @Length(1, USER_ID_MAX)
  sessionId?: string;

  /**
   * Where it happened.
   * @example "https://example.com/page"
   */
  @IsOptional()
  @Validate(KeptText, [URL_MAX])
  @IsString()
  @MaxLength(URL_MAX)
  url?: string;

  /**
   * Where the visitor came from.
   * @example "https://google.com"
   */
  @IsOptional()
  @Validate(KeptText, [URL_MAX])
  @IsString()
  @MaxLength(URL_MAX)
  referrer?: string;

  /**
   * mobile, tablet, desktop, bot or other; anything else is counted as other. Left out: told from the User-Agent. Apps and
   * servers whose HTTP library sends a User-Agent of its own should say it: such a library counts as bot where the app's
   * platform is web, as mobile where it is ios or android, else as other.
   * @example "mobile"
   */
  @IsOptional()
  @Validate(KeptText, [128])
  @IsString()
  @MaxLength(128)
  device?: string;

  /** The visitor's User-Agent, where this request's own is not it. */
  @IsOptional()
  @Validate(KeptText, [USER_AGENT_MAX])
  @IsString()
  @MaxLength(USER_AGENT_MAX)
  userAgent?: string;

  /**
   * The visitor's address, kept whole. Left out: that of the connection, truncated. An address alone: remove the port, the
   * brackets and the zone that a proxy's header may add.
   * @example "192.168.1.1"
   */
  @IsOptional()
  @Validate(KeptAddress)
  @IsIP()
  ipAddress?: string;

  /**
   * Anything else about the event: up to 32 KiB of JSON, 16 levels. `browser` and `os` in it are used. Also taken as
   * properties.
   * @example { "browser": "Chrome", "os": "Android", "screenSize": "1080x1920" }
   */
  @IsOptional()
  @Validate(KeptMetadata)
  @IsObject()
  metadata?: Metadata;

  @ApiHideProperty()
  @IsOptional()
  @Validate(KeptMetadata)
  @IsObject()
  properties?: Metadata;

  /** When your client sent this request: a clock that runs fast is corrected by it. */
  @IsOptional()
  @Validate(Rfc3339)
  sentAt?: string;
}
