import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, IS_ARRAY, validateSync, type ValidationError } from 'class-validator';
import { InvalidInputError, type FieldError } from './app-error.js';
import { keepsRules } from './compiled-rules.js';
import { nearestName } from './nearest-name.js';

/**
 * Checks a body or query against its DTO (class-validator) and hands on an instance. An unknown field is an error that
 * suggests the nearest known name. Names are also taken in snake_case.
 * @throws InvalidInputError naming every bad field
 */
@Injectable()
export class PayloadPipe implements PipeTransform {
  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (!metatype || type === 'custom' || type === 'param' || isPrimitive(metatype)) return value;
    if (type === 'body' && (value === null || typeof value !== 'object' || Array.isArray(value))) {
      throw new InvalidInputError([{ field: 'body', message: 'must be a JSON object' }]);
    }
    return checkedPayload(metatype, (value ?? {}) as Record<string, unknown>, type === 'query');
  }
}

/**
 * @param texts true for queries, whose values are texts that @Type and @Transform turn into what they stand for. Bodies
 *   are taken as they are: class-transformer would drop metadata members with names like "toString".
 * @param namedAtMost how many unknown fields are told of one by one
 * @throws InvalidInputError
 */
export function checkedPayload<T extends object>(
  dto: Type<T>,
  value: Record<string, unknown>,
  texts = false,
  namedAtMost = NAMED_AT_MOST,
): T {
  const known = knownFields(dto);
  const fields: Record<string, unknown> = texts ? {} : (new dto() as Record<string, unknown>);
  const errors = canonicalFields(value, fields, known, (dto as OpenDto).strangersBelongIn, namedAtMost);
  if (texts) errors.push(...repetitions(fields, listFields(dto)));
  const instance = texts ? plainToInstance(dto, fields, { exposeDefaultValues: true }) : (fields as T);
  if (!keepsRules(dto, instance)) {
    errors.push(...validateSync(instance, { stopAtFirstError: true }).flatMap((error) => fieldErrors(error)));
  }
  if (errors.length > 0) throw new InvalidInputError(errors, undefined, serverTime(errors, dto));
  return instance;
}

/**
 * What a query says more than once: a value twice, or several values of a parameter that takes one. Of these the first is
 * left in `fields`, so that nothing else is found wrong with it.
 */
function repetitions(fields: Record<string, unknown>, lists: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  for (const [field, values] of Object.entries(fields)) {
    if (!Array.isArray(values)) continue;
    const isList = lists.has(field);
    if (!isList) errors.push({ field, message: 'is given more than once: it takes one value' });
    else if (new Set(values).size < values.length) {
      errors.push({ field, message: 'names a value more than once: give each value once' });
    }
    if (!isList) fields[field] = values[0];
  }
  return errors;
}

/** Whoever sends thousands of unknown fields need not read thousands of lines. */
const NAMED_AT_MOST = 50;

/** Puts what is known into `fields`, `app_id` as `appId`. @returns what is not known, or given twice */
export function canonicalFields(
  value: Record<string, unknown>,
  fields: Record<string, unknown>,
  known: ReadonlySet<string>,
  strangersBelongIn?: string,
  namedAtMost = NAMED_AT_MOST,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of Object.keys(value)) {
    if (errors.length === namedAtMost) {
      errors.push({ field: name, message: 'is unknown here too, and so may be the fields after it' });
      break;
    }
    const canonical = known.has(name) ? name : camelCase(name);
    if (!known.has(canonical)) {
      errors.push({ field: name, message: `is unknown here.${advice(canonical, known, strangersBelongIn)}` });
    } else if (Object.hasOwn(fields, canonical)) {
      errors.push({ field: name, message: `is given twice, as ${canonical} too` });
    } else {
      fields[canonical] = value[name];
    }
  }
  return errors;
}

/** Our time, if one of the errors is in a field that holds the client's clock. */
function serverTime(errors: FieldError[], dto: Type): string | undefined {
  const { clockFields = [] } = dto as ClockDto;
  return errors.some(({ field }) => clockFields.includes(field)) ? new Date().toISOString() : undefined;
}

/** A DTO with fields that hold the client's clock. If one of them is wrong, the answer states the server's time. */
interface ClockDto {
  clockFields?: readonly string[];
}

/** A DTO that has a place for fields it does not know, e.g. an event's metadata. */
interface OpenDto {
  strangersBelongIn?: string;
}

function advice(name: string, known: ReadonlySet<string>, strangersBelongIn: string | undefined): string {
  const nearest = nearestName(name, known);
  if (nearest) return ` Did you mean "${nearest}"?`;
  return strangersBelongIn ? ` Put what is your own into ${strangersBelongIn}.` : '';
}

/** The names that carry validators in a DTO and its parents. */
export function knownFields(dto: Type): ReadonlySet<string> {
  let names = knownFieldsOf.get(dto);
  if (!names) {
    const metadata = getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
    names = new Set(metadata.map((entry) => entry.propertyName));
    knownFieldsOf.set(dto, names);
  }
  return names;
}

/** The names of a DTO that take several values. */
function listFields(dto: Type): ReadonlySet<string> {
  let names = listFieldsOf.get(dto);
  if (!names) {
    const metadata = getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
    names = new Set(metadata.filter((entry) => entry.name === IS_ARRAY).map((entry) => entry.propertyName));
    listFieldsOf.set(dto, names);
  }
  return names;
}

const listFieldsOf = new WeakMap<Type, ReadonlySet<string>>();
const knownFieldsOf = new WeakMap<Type, ReadonlySet<string>>();

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function fieldErrors(error: ValidationError, path = ''): FieldError[] {
  const field = path ? `${path}.${error.property}` : error.property;
  const kind = kindMessage(error);
  const messages = kind ? [kind] : Object.values(error.constraints ?? {});
  const own = messages.map((message) => ({
    field,
    message: message.startsWith(`${error.property} `) ? message.slice(error.property.length + 1) : message,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, field))];
}

/** For each rule about the kind of a value: whether a value is of that kind, and the message where it is not. */
const KINDS: Record<string, [isKind: (value: unknown) => boolean, message: string]> = {
  isString: [(value) => typeof value === 'string', 'must be a string'],
  isArray: [Array.isArray, 'must be an array'],
  isObject: [(value) => typeof value === 'object' && !Array.isArray(value), 'must be an object'],
  isInt: [Number.isInteger, 'must be an integer number'],
};

/**
 * The only message for a value of the wrong kind. class-validator reports the first rule that it checked, such as a length,
 * which does not help somebody who sent a number where text belongs.
 */
function kindMessage({ target, property, value, constraints }: ValidationError): string | undefined {
  if (!constraints || !target) return undefined;
  const rules = getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', true, false);
  for (const { propertyName, name = '', each } of rules) {
    const kind = propertyName === property && !each ? KINDS[name] : undefined;
    if (kind && !kind[0](value)) return kind[1];
  }
  return undefined;
}

function isPrimitive(type: Type): boolean {
  return ([String, Number, Boolean, Array, Object] as unknown[]).includes(type);
}
