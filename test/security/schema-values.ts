import fc from 'fast-check';

/** As much of JSON Schema as our OpenAPI document uses. */
export interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  format?: string;
  example?: unknown;
  nullable?: boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  additionalProperties?: boolean | Schema;
}

/** Values for one field that somebody might send: mostly such as the schema asks for, now and then anything. */
export function valuesOf(schema: Schema, schemas: Record<string, Schema>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 6, arbitrary: goodValues(resolve(schema, schemas), schemas) },
    { weight: 1, arbitrary: ANYTHING },
  );
}

/** What no schema asks for. */
const ANYTHING: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    '',
    ' ',
    '\0',
    '\ud800',
    '😀',
    '__proto__',
    "' OR 1=1 --",
    '2024-02-30',
    -1,
    2 ** 53,
    1e308,
    [],
    {},
    [[]],
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.jsonValue({ maxDepth: 4 }),
);

const TIMES = fc
  .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

function goodValues(schema: Schema, schemas: Record<string, Schema>): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.format === 'date-time') return TIMES;
  const example = schema.example === undefined ? [] : [fc.constant(schema.example)];
  switch (schema.type) {
    case 'number':
    case 'integer':
      return fc.oneof(...example, fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1000 }));
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, schemas), { maxLength: Math.min(schema.maxItems ?? 5, 5) });
    case 'object':
      return schema.properties
        ? objectsOf(schema, schemas)
        : fc.dictionary(fc.string({ maxLength: 20 }), fc.jsonValue({ maxDepth: 3 }));
    default:
      return fc.oneof(
        ...example,
        fc.uuid({ version: [4, 7] }),
        TIMES,
        fc.constantFrom('2024-02-20', 'Asia/Kolkata', 'https://example.com'),
        fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 200, 300) }),
      );
  }
}

/** Objects with all required fields and some of the others; now and then one that is unknown, or without a required one. */
export function objectsOf(schema: Schema, schemas: Record<string, Schema>): fc.Arbitrary<unknown> {
  const { properties = {}, required = [] } = resolve(schema, schemas);
  const fields = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, valuesOf(one, schemas)]));
  const whole = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
  return fc.oneof(
    { weight: 8, arbitrary: whole },
    { weight: 1, arbitrary: fc.record(fields, { requiredKeys: [] }) },
    {
      weight: 1,
      arbitrary: fc.tuple(whole, fc.string({ maxLength: 12 })).map(([value, name]) => ({ ...value, [name]: 1 })),
    },
  );
}

/** Follows references; of an allOf the parts in one. */
export function resolve(schema: Schema, schemas: Record<string, Schema>): Schema {
  const { $ref, allOf, ...own } = schema;
  const parts = [...(allOf ?? []), ...($ref ? [schemas[$ref.split('/').at(-1)!]!] : [])];
  return parts.reduce<Schema>((whole, part) => ({ ...resolve(part, schemas), ...whole }), own);
}
