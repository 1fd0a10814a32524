import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, MaxLength, Validate } from 'class-validator';
import { TimeZone } from '../common/rules.js';
import { EVENT_NAME_MAX } from '../events/limits.js';
import { DateOrTime, EmptyIsAbsent, PlusIsKept } from './analytics.dto.js';
import { type Interval, INTERVALS } from './buckets.js';

/** Names that one question may compare. */
export const SERIES_MAX_EVENTS = 10;
/** Buckets of one series. */
export const SERIES_MAX_BUCKETS = 1000;

export class SeriesQuery {
  /**
   * Names of events, repeated for several: a series each. Left out: one series of all events together.
   * @example ["login_form_cta_click"]
   */
  @Transform(({ value }: { value: unknown }) => (value === '' || value === undefined ? undefined : [value].flat()))
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(SERIES_MAX_EVENTS)
  @IsString({ each: true })
  @MaxLength(EVENT_NAME_MAX, { each: true })
  event?: string[];

  /** How long a bucket is, by the clock and calendar of `timezone`; weeks begin on Monday. Left out: day. */
  @EmptyIsAbsent()
  @IsOptional()
  @IsIn(INTERVALS)
  interval?: Interval;

  /** `previous`: each series also with the same length of time before it. */
  @EmptyIsAbsent()
  @IsOptional()
  @IsIn(['previous'])
  compare?: 'previous';

  /**
   * The first day, whole, in `timezone`; or a time on the quarter-hour, included. Left out: 30 days up to the last.
   * @example "2024-02-20"
   */
  @EmptyIsAbsent()
  @PlusIsKept()
  @IsOptional()
  @Validate(DateOrTime)
  startDate?: string;

  /**
   * The last day, whole and included; or a time on the quarter-hour, not included. Left out: today.
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
   * IANA name of the zone by whose clock the buckets are. Left out: the app's; UTC when your apps differ.
   * @example "Europe/Berlin"
   */
  @EmptyIsAbsent()
  @IsOptional()
  @Validate(TimeZone)
  timezone?: string;
}

export class BucketDto {
  /** Its first moment, RFC 3339, UTC. */
  start!: string;

  /**
   * How the zone's clock names its beginning: 2026-11-25T13:00, 2026-11-25 (of a week: its Monday), 2026-11.
   * @example "2026-11-25"
   */
  label!: string;

  count!: number;

  /** Distinct users of this bucket; one who came in two buckets is in both. */
  uniqueUsers!: number;

  /** False where the range holds only a part of it, or where it is not over yet. */
  complete!: boolean;
}

export class PeriodDto {
  /** First moment, RFC 3339, UTC. */
  start!: string;

  /** The moment at which it ends, not included. */
  end!: string;

  count!: number;

  /** Distinct users of the whole period. */
  uniqueUsers!: number;

  buckets!: BucketDto[];
}

export class OneSeriesDto extends PeriodDto {
  /** As asked; null: all events. */
  event!: string | null;

  /** The same length of time before, when it was asked for. */
  previous?: PeriodDto;
}

export class SeriesDto {
  interval!: Interval;

  /** The zone by whose clock the buckets are. */
  timezone!: string;

  /** Whatever was accepted before this moment is counted here. */
  asOf!: string;

  series!: OneSeriesDto[];
}
