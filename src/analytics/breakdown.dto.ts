import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
  Validate,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { isDimension, METADATA_PREFIX, NAMED_DIMENSIONS } from './dimensions.js';
import { FilteredQuery } from './filters.dto.js';

@ValidatorConstraint({ name: 'dimension' })
class Dimension implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && isDimension(value);
  }

  defaultMessage(): string {
    return `must be one of ${NAMED_DIMENSIONS.join(', ')}, or ${METADATA_PREFIX} and a key of your metadata`;
  }
}

export class BreakdownQuery extends FilteredQuery {
  /**
   * What events are told apart by: event, url, referrerHost, device, browser, os, utmSource, utmMedium, utmCampaign, utmTerm,
   * utmContent, or `metadata.` and a key of your metadata.
   * @example "browser"
   */
  @IsString()
  @Validate(Dimension)
  by!: string;

  /** Values in the answer, the most frequent ones. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit?: number = 10;
}

export class BreakdownRowDto {
  /** Null: events without one. Of a long value the first 255 characters. */
  @ApiProperty({ type: String, nullable: true })
  value!: string | null;

  count!: number;

  /** Distinct users; one who has two values is in both. Null while ClickHouse has no complete copy of the events. */
  @ApiProperty({ type: Number, nullable: true })
  uniqueUsers!: number | null;

  /** Of `total`, from 0 to 1. */
  share!: number;
}

export class BreakdownDto {
  by!: string;

  timezone!: string;

  /** Events of all values, also of those that are not listed. */
  total!: number;

  /**
   * Events from this time on are counted; earlier ones of the range have expired. Left out if nothing of the range has expired, and
   * for `by=event` without filters. RFC 3339, UTC.
   */
  @ApiProperty({ format: 'date-time', required: false })
  eventsFrom?: string;

  /** Most frequent first. */
  data!: BreakdownRowDto[];
}
