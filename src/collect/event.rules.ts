import { ValidatorConstraint, type ValidationArguments, type ValidatorConstraintInterface } from 'class-validator';
import { metadataFault } from '../events/metadata.js';

/** Text that MySQL can keep as it came: valid Unicode without NUL. */
@ValidatorConstraint({ name: 'keptText' })
export class KeptText implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
  }

  defaultMessage(): string {
    return 'must be valid Unicode text without NUL';
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
