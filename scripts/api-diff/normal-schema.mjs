/** @typedef {Record<string, any>} Schema an OpenAPI schema, perhaps a reference */
/** @typedef {Record<string, any>} Document an OpenAPI document */

/** What explains and does not bind. */
const EXPLANATIONS = new Set(['description', 'summary', 'example', 'examples', 'title', 'externalDocs', 'xml']);

/**
 * Follows a reference within the document.
 * @template T
 * @param {Document} document
 * @param {T} part
 * @returns {T & {$name?: string}} with the name of what was referred to
 */
export function resolve(document, part) {
  let found = /** @type {any} */ (part);
  let name;
  while (found?.$ref) {
    name = found.$ref.split('/').at(-1);
    found = found.$ref
      .replace(/^#\//, '')
      .split('/')
      .reduce(
        (/** @type {any} */ at, /** @type {string} */ key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')],
        document,
      );
    if (found === undefined) throw new Error(`The OpenAPI document has nothing called ${name}`);
  }
  return name ? { ...found, $name: name } : found;
}

/**
 * A schema in one form: references and `allOf` merged into it, `types` for `type`, `nullable` for null among the types.
 * @param {Document} document
 * @param {Schema | undefined} given undefined: anything
 * @returns {Schema}
 */
export function normalSchema(document, given) {
  const { allOf = [], type, const: only, ...own } = resolve(document, given ?? {});
  let schema = own;
  for (const part of allOf) schema = merge(normalSchema(document, part), schema);
  const types = [type].flat().filter((one) => one !== undefined && one !== 'null');
  if (types.length > 0) schema.types = types;
  if ([type].flat().includes('null')) schema.nullable = true;
  if (only !== undefined) schema.enum = [only];
  if (schema.enum?.includes(null)) schema.nullable = true;
  if (schema.enum) schema.enum = schema.enum.filter((/** @type {unknown} */ value) => value !== null);
  for (const [exclusive, limit] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ]) {
    // OpenAPI 3.0 states it beside the limit, 3.1 in its place.
    if (schema[exclusive] === true) [schema[exclusive], schema[limit]] = [schema[limit], undefined];
    if (schema[exclusive] === false) schema[exclusive] = undefined;
  }
  return schema;
}

/** @param {Schema} base @param {Schema} over @returns {Schema} both at once; where they differ, `over` */
function merge(base, over) {
  return {
    ...base,
    ...over,
    ...(base.properties || over.properties ? { properties: { ...base.properties, ...over.properties } } : {}),
    ...(base.required || over.required ? { required: [...(base.required ?? []), ...(over.required ?? [])] } : {}),
  };
}

/** @param {unknown} value @returns {string} the same text for the same meaning: keys in order, without explanations */
export function canonical(value) {
  return JSON.stringify(value, (_key, inner) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner)
            .filter(([key]) => !EXPLANATIONS.has(key))
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  );
}
