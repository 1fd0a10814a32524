import { IsIn, IsOptional } from 'class-validator';
import { EVENT_NAME_MAX } from '../events/limits.js';
import { type Interval, INTERVALS } from './buckets.js';
import { EmptyIsAbsent, RangeQuery, RepeatedText } from './range.dto.js';

/** Names that one question may compare. */
const SERIES_MAX_EVENTS = 10;
/** Buckets of one series. */
export const SERIES_MAX_BUCKETS = 1000;

export class SeriesQuery extends RangeQuery {
  /**
   * Names of events, repeated for several: a series each. Left out: one series of all events together.
   * @example ["login_form_cta_click"]
   */
  @RepeatedText(SERIES_MAX_EVENTS, EVENT_NAME_MAX)
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
