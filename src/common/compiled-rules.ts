import type { Type } from '@nestjs/common';
import { getMetadataStorage, type ValidationArguments, ValidationTypes } from 'class-validator';

/**
 * The decorators of a DTO, gathered once: class-validator gathers them for each object anew, which takes most of the time
 * of a good payload. The rules are the decorators' own functions, so there is one source of them. What is found wrong here
 * is asked of class-validator again, which says what is wrong.
 */

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

interface PropertyRules {
  property: string;
  /** @IsOptional, the one condition that most properties have. */
  optional: boolean;
  /** @IsOptional, @ValidateIf: where one says no, the property is not looked at. */
  conditions: ((object: object, value: unknown) => boolean)[];
  rules: { validate: (value: unknown, rule: ValidationArguments) => unknown; rule: ValidationArguments }[];
}

const compiled = new WeakMap<Type, readonly PropertyRules[] | undefined>();

/**
 * @returns true only when class-validator would find nothing wrong; false when it would, or when the DTO has a rule that is
 *   not known here
 */
export function keepsRules(dto: Type, object: object): boolean {
  if (!compiled.has(dto)) compiled.set(dto, compile(dto));
  const properties = compiled.get(dto);
  if (!properties) return false;
  for (const one of properties) if (!keeps(one, object)) return false;
  return true;
}

function keeps({ property, optional, conditions, rules }: PropertyRules, object: object): boolean {
  const value = (object as Record<string, unknown>)[property];
  if (optional && value === undefined) return true;
  for (const condition of conditions) if (!condition(object, value)) return true;
  for (const { validate, rule } of rules) {
    rule.value = value;
    rule.object = object;
    // A promise is no true: it is left to class-validator.
    if (validate(value, rule) !== true) return false;
  }
  return true;
}

/** @returns undefined when there is something that is not known here: groups, nesting, rules for each member */
function compile(dto: Type): PropertyRules[] | undefined {
  const storage = getMetadataStorage();
  const all = storage.getTargetValidationMetadatas(dto, '', false, false);
  const known = [ValidationTypes.CONDITIONAL_VALIDATION, ValidationTypes.CUSTOM_VALIDATION] as string[];
  if (all.length === 0 || all.some((one) => !known.includes(one.type) || one.each || one.groups?.length || one.always))
    return undefined;
  const byProperty = Object.entries(storage.groupByPropertyName(all));
  return byProperty.map(([property, metadata]) => ({
    property,
    optional: metadata.some((one) => one.type === ValidationTypes.CONDITIONAL_VALIDATION && one.name === 'isOptional'),
    conditions: metadata
      .filter((one) => one.type === ValidationTypes.CONDITIONAL_VALIDATION)
      .map((one) => one.constraints[0] as PropertyRules['conditions'][number]),
    rules: metadata
      .filter((one) => one.type === ValidationTypes.CUSTOM_VALIDATION)
      .flatMap((one) => rulesOf(one, property, dto.name)),
  }));
}

function rulesOf(metadata: Metadata, property: string, targetName: string): PropertyRules['rules'] {
  return getMetadataStorage()
    .getTargetValidatorConstraints(metadata.constraintCls)
    .map(({ instance }) => ({
      validate: (value, rule) => instance.validate(value, rule),
      rule: { value: undefined, object: {}, property, targetName, constraints: metadata.constraints ?? [] },
    }));
}
