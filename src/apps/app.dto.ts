import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUrl,
  Length,
  Max,
  MaxLength,
  Min,
  Validate,
} from 'class-validator';
import { RETENTION_ROLLUPS, type RetentionRollups } from '../database/entities/app.entity.js';
import { IP_MODES, type IpMode } from '../events/ip-mode.js';
import { URL_MAX } from '../events/limits.js';
import { PLATFORMS, type Platform } from '../events/platform.js';
import { HostName, MayBeLeftOut, PlainText, TimeZone } from '../common/rules.js';

const WEB_ADDRESS = { require_tld: false, require_protocol: true, protocols: ['http', 'https'] };
/** Characters, as the columns count them. */
const NAME_MAX = 200;
const DESCRIPTION_MAX = 1000;
const HOSTS_MAX = 50;
const RETENTION_MAX_DAYS = 36_500;

/** A web site or mobile app to register. */
export class RegisterAppDto {
  /** @example "My shop" */
  @Validate(PlainText, [NAME_MAX])
  @IsString()
  @Length(1, NAME_MAX)
  name!: string;

  /** @example "https://shop.example.com" */
  @IsOptional()
  @Validate(PlainText, [URL_MAX])
  @IsUrl(WEB_ADDRESS)
  @MaxLength(URL_MAX)
  url?: string | null;

  /** Where it runs. It says what an HTTP library that sends events counts as: bot for web, mobile for ios and android, else other. */
  @IsOptional()
  @IsIn(PLATFORMS)
  platform?: Platform | null;

  /**
   * IANA name of the zone in which its days are counted; UTC when left out.
   * @example "Europe/Berlin"
   */
  @IsOptional()
  @Validate(TimeZone)
  timeZone?: string;

  @IsOptional()
  @Validate(PlainText, [DESCRIPTION_MAX])
  @IsString()
  @MaxLength(DESCRIPTION_MAX)
  description?: string | null;

  /**
   * Its other hosts: a referrer there is internal, and no source of visits, as is one at the host of the event's own URL. `www.` does
   * not count. `*.example.com` stands for example.com and all its subdomains.
   * @example ["pay.example.com", "*.example.org"]
   */
  @MayBeLeftOut()
  @IsArray()
  @ArrayMaxSize(HOSTS_MAX)
  @ArrayUnique()
  @Validate(HostName, { each: true })
  hosts?: string[];
}

/** What is left out stays as it is. */
export class ChangeAppDto {
  @MayBeLeftOut()
  @Validate(PlainText, [NAME_MAX])
  @IsString()
  @Length(1, NAME_MAX)
  name?: string;

  @IsOptional()
  @Validate(PlainText, [URL_MAX])
  @IsUrl(WEB_ADDRESS)
  @MaxLength(URL_MAX)
  url?: string | null;

  @IsOptional()
  @IsIn(PLATFORMS)
  platform?: Platform | null;

  /**
   * IANA name of the zone in which its days are counted.
   * @example "Europe/Berlin"
   */
  @MayBeLeftOut()
  @Validate(TimeZone)
  timeZone?: string;

  @IsOptional()
  @Validate(PlainText, [DESCRIPTION_MAX])
  @IsString()
  @MaxLength(DESCRIPTION_MAX)
  description?: string | null;

  /** What is kept of an address taken from the connection; `none` drops those in payloads too. */
  @MayBeLeftOut()
  @IsIn(IP_MODES)
  ipMode?: IpMode;

  /** Days that events are welcome and kept; null: for ever. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(RETENTION_MAX_DAYS)
  retentionDays?: number | null;

  /**
   * What becomes of the counts when events expire: `keep` leaves them, `drop` deletes them with the events.
   */
  @MayBeLeftOut()
  @IsIn(RETENTION_ROLLUPS)
  retentionRollups?: RetentionRollups;

  /**
   * Its other hosts, all of them: see registration. Stored events are derived anew in the background.
   * @example ["pay.example.com", "*.example.org"]
   */
  @MayBeLeftOut()
  @IsArray()
  @ArrayMaxSize(HOSTS_MAX)
  @ArrayUnique()
  @Validate(HostName, { each: true })
  hosts?: string[];
}

export class AppDto {
  /** @example "0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60" */
  id!: string;

  name!: string;
  url!: string | null;
  platform!: Platform | null;
  timeZone!: string;
  description!: string | null;
  hosts!: string[];
  ipMode!: IpMode;
  retentionDays!: number | null;
  retentionRollups!: RetentionRollups;

  /** RFC 3339, UTC. */
  createdAt!: string;
}

export class AppListDto {
  data!: AppDto[];

  /** Null: there are no more. */
  nextCursor!: string | null;
}

/** The app and its first key, which can write. */
export class RegisteredAppDto {
  app!: AppDto;

  /** Put it into your site or app. It can only write, and can be shown again. */
  apiKey!: string;

  keyId!: string;

  /** Null: it does not expire. */
  expiresAt!: string | null;
}
