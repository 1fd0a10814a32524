import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsOptional,
  IsString,
  MaxLength,
  Validate,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { TimeZone } from '../common/rules.js';
import { parseRangeBound, withPlus } from './range-bound.js';

/** A form that sends `event=` means: not given. */
export const EmptyIsAbsent = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === '' ? undefined : value));

/** A query names a value once, or several by repeating the name. */
export const RepeatedIsList = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === '' || value === undefined ? undefined : [value].flat()));

/** Up to `max` texts of up to `length` characters each. */
export const RepeatedText = (max: number, length: number): PropertyDecorator =>
  applyDecorators(
    RepeatedIsList(),
    IsOptional(),
    IsArray(),
    ArrayMaxSize(max),
    IsString({ each: true }),
    MaxLength(length, { each: true }),
    ApiPropertyOptional({ type: [String], maxItems: max, uniqueItems: true }),
  );

/** The + of an offset may arrive as a space. */
const PlusIsKept = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? withPlus(value) : value));

@ValidatorConstraint({ name: 'rangeBound' })
class DateOrTime implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && parseRangeBound(value) !== undefined;
  }

  defaultMessage(): string {
    return 'must be a date (2024-02-20), or a date and time (2024-02-20T12:30, 2024-02-20T12:30:00Z), that exists';
  }
}

/** When, in which zone, and of which apps: what every question over time is asked by. */
export class RangeQuery {
  /**
   * The first day, whole, in `timezone`; or a time on the quarter-hour, included. Left out: from the first event on, of a
   * series 30 days up to the last.
   * @example "2024-02-20"
   */
  @EmptyIsAbsent()
  @PlusIsKept()
  @IsOptional()
  @Validate(DateOrTime)
  startDate?: string;

  /**
   * The last day, whole and included; or a time on the quarter-hour, not included. Left out: up to the last event, of a
   * series up to today.
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
