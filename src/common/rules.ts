import {
  ValidateIf,
  type ValidationArguments,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { fits } from '../events/characters.js';
import { parseTimestamp } from '../events/timestamp.js';
import { isTimeZone } from './time-zones.js';

/**
 * Text that MySQL keeps as it came: valid Unicode without control characters, not blank, of at most as many characters as
 * the one constraint says. class-validator, whose @Length tells the OpenAPI document, counts a character and its variation
 * selector as one.
 */
@ValidatorConstraint({ name: 'plainText' })
export class PlainText implements ValidatorConstraintInterface {
  validate(value: unknown, { constraints }: ValidationArguments): boolean {
    return isPlain(value) && fits(value, maxOf(constraints));
  }

  defaultMessage({ value, constraints }: ValidationArguments): string {
    return isPlain(value)
      ? `must be at most ${maxOf(constraints)} characters long`
      : 'must be plain text without control characters, and without spaces at its ends';
  }
}

function isPlain(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !/[\p{Cc}]/u.test(value) && value.trim() === value;
}

function maxOf(constraints: unknown[]): number {
  return constraints[0] as number;
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

/** A host as people read it, maybe with a port, or with `*.` before it for all its subdomains. */
@ValidatorConstraint({ name: 'hostName' })
export class HostName implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    if (typeof value !== 'string' || value.length > 253 || /[\s,/@?#\\]/.test(value)) return false;
    const host = value.startsWith('*.') ? value.slice('*.'.length) : value;
    return host !== '' && !host.includes('*') && URL.canParse(`http://${host}`);
  }

  defaultMessage(): string {
    return 'must be hosts alone, as in shop.example.com or *.example.com';
  }
}

/** May be left out, but is not null: @IsOptional lets null through as well. */
export function MayBeLeftOut(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}
