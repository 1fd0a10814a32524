import { ValidatorConstraint, type ValidationArguments, type ValidatorConstraintInterface } from 'class-validator';
import { fits, isBlank } from '../events/characters.js';
import { ADDRESS_MAX } from '../events/limits.js';
import { metadataFault } from '../events/metadata.js';

/**
 * Text that MySQL can keep as it came: valid Unicode without NUL, of at most as many characters as the one constraint
 * says. class-validator, whose @Length tells the OpenAPI document, counts a character and its variation selector as one.
 */
@ValidatorConstraint({ name: 'keptText' })
export class KeptText implements ValidatorConstraintInterface {
  validate(value: unknown, rule?: ValidationArguments): boolean {
    const [max] = rule?.constraints as [number];
    return typeof value === 'string' && value.isWellFormed() && !value.includes('\0') && fits(value, max);
  }

  defaultMessage({ value, constraints }: ValidationArguments): string {
    const [max] = constraints as [number];
    return typeof value !== 'string' || fits(value, max)
      ? 'must be valid Unicode text without NUL'
      : `must be at most ${max} characters`;
  }
}

/** Kept text that names something: not blank. */
@ValidatorConstraint({ name: 'visibleText' })
export class VisibleText extends KeptText {
  override validate(value: unknown, rule?: ValidationArguments): boolean {
    return super.validate(value, rule) && !isBlank(value as string);
  }

  override defaultMessage(rule: ValidationArguments): string {
    return super.validate(rule.value, rule) ? 'must not be blank' : super.defaultMessage(rule);
  }
}

/** An address that can be kept: @IsIP lets a zone of any length follow. */
@ValidatorConstraint({ name: 'keptAddress' })
export class KeptAddress implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && value.length <= ADDRESS_MAX && !value.includes('%');
  }

  defaultMessage(): string {
    return 'must be an ip address without a zone';
  }
}

/** An object that can be kept as it came. */
@ValidatorConstraint({ name: 'keptMetadata' })
export class KeptMetadata implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return value !== null && typeof value === 'object' && metadataFault(value) === undefined;
  }

  defaultMessage({ value }: ValidationArguments): string {
    return value !== null && typeof value === 'object' ? (metadataFault(value) ?? 'is fine') : 'must be an object';
  }
}
