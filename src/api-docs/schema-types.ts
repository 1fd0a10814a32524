/** The part of a schema that is corrected here. */
export interface CorrectedSchema {
  type?: string;
  format?: string;
  nullable?: boolean;
  enum?: unknown[];
  properties?: Record<string, CorrectedSchema>;
  items?: CorrectedSchema;
  additionalProperties?: CorrectedSchema | boolean;
  allOf?: CorrectedSchema[];
  oneOf?: CorrectedSchema[];
}

/** Numbers that may have a fraction. Every other number of the API is a count, a size or a duration. */
const FRACTIONS = new Set(['share']);
/** Names of times, RFC 3339 in UTC. */
const TIMES = /^(at|timestamp|firstSeen|lastSeen|asOf|start|end|serverTime|\w+At)$/;

/**
 * Says what TypeScript's types cannot: that a number is whole, that a text is a time, and that null is one of the values
 * of a nullable enumeration (OpenAPI 3.0 needs both).
 * @param name of the property or parameter that has the schema
 */
export function correctSchema(schema: CorrectedSchema, name = ''): void {
  if (schema.type === 'number' && !FRACTIONS.has(name)) schema.type = 'integer';
  if (schema.type === 'string' && !schema.format && !schema.enum && TIMES.test(name)) schema.format = 'date-time';
  if (schema.nullable && schema.enum && !schema.enum.includes(null)) schema.enum.push(null);
  for (const [property, inner] of Object.entries(schema.properties ?? {})) correctSchema(inner, property);
  if (schema.items) correctSchema(schema.items, name);
  if (typeof schema.additionalProperties === 'object') correctSchema(schema.additionalProperties);
  for (const inner of [...(schema.allOf ?? []), ...(schema.oneOf ?? [])]) correctSchema(inner, name);
}
