import { ValidateIf, ValidatorConstraint, type ValidatorConstraintInterface } from 'class-validator';
import { parseTimestamp } from '../events/timestamp.js';
import { isTimeZone } from './time-zones.js';

/** Text that MySQL keeps as it came: valid Unicode without control characters, not blank. */
@ValidatorConstraint({ name: 'plainText' })
export class PlainText implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && value.isWellFormed() && !/[\p{Cc}]/u.test(value) && value.trim() === value;
  }

  defaultMessage(): string {
    return 'must be plain text without control characters, and without spaces at its ends';
  }
}

/** A zone of the IANA database, by a name that this Node knows. */
@ValidatorConstraint({ name: 'timeZone' })
export class TimeZone implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && value.length <= 64 && isTimeZone(value);
  }

  defaultMessage(): string {
    return 'must be the IANA name of a time zone, as in Europe/Berlin';
  }
}

/** A moment, as RFC 3339. */
@ValidatorConstraint({ name: 'rfc3339' })
export class Rfc3339 implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && parseTimestamp(value) !== undefined;
  }

  defaultMessage(): string {
    return 'must be an RFC 3339 time with an offset, as in 2024-02-20T12:34:56Z';
  }
}

/** Scheme, host and port of a web page, as browsers send it in Origin. */
@ValidatorConstraint({ name: 'webOrigin' })
export class WebOrigin implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    if (typeof value !== 'string' || !URL.canParse(value)) return false;
    const url = new URL(value);
    // Stored in a comma-separated list.
    return (
      /^https?:$/.test(url.protocol) &&
      [url.origin, `${url.origin}/`].includes(value.toLowerCase()) &&
      !value.includes(',')
    );
  }

  defaultMessage(): string {
    return 'must be origins, scheme and host alone, as in https://shop.example.com';
  }
}

/** May be left out, but is not null: @IsOptional lets null through as well. */
export function MayBeLeftOut(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}
