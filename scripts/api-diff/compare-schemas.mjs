import { canonical, normalSchema, resolve } from './normal-schema.mjs';

/** @typedef {import('./normal-schema.mjs').Schema} Schema */
/** @typedef {import('./findings.mjs').Findings} Findings */

/** A limit from below, and one from above. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
/** Rules without an order: any change of one breaks clients. */
const RULES = ['pattern', 'multipleOf', 'uniqueItems', 'not'];

/**
 * Compares what clients send or read. Whatever a request could hold must still be accepted, and an answer may
 * only gain fields. In both, a number may become an integer.
 */
export class SchemaComparison {
  /** Pairs of references that were followed: a schema may contain itself. */
  #compared = new Set();

  /**
   * @param {object} before the OpenAPI document of the last release
   * @param {object} after the current one
   * @param {Findings} findings
   */
  constructor(before, after, findings) {
    this.before = before;
    this.after = after;
    this.findings = findings;
  }

  /**
   * @param {Schema | undefined} given of the last release
   * @param {Schema | undefined} current
   * @param {'request' | 'response'} direction
   * @param {string} place where the schema is, for schemas without a name
   */
  compare(given, current, direction, place) {
    const { $name: name = place } = resolve(this.before, given ?? {});
    if (refers(given) && refers(current)) {
      const pair = `${direction} ${canonical(given)} ${canonical(current)}`;
      if (this.#compared.has(pair)) return;
      this.#compared.add(pair);
    }
    const a = normalSchema(this.before, given);
    const b = normalSchema(this.after, current);
    const where = `${name} (${direction})`;
    const isRequest = direction === 'request';
    this.#types(a, b, isRequest, where);
    this.#enums(a, b, isRequest, where);
    this.#limits(a, b, isRequest, where);
    this.#properties(a, b, direction, name);
    this.#others(a, b, direction, name);
    this.#alternatives(a, b, direction, name);
    if (a.items || b.items) this.compare(a.items, b.items, direction, `${name}[]`);
  }

  /** @param {Schema} a @param {Schema} b @param {boolean} isRequest @param {string} where */
  #types(a, b, isRequest, where) {
    const { findings } = this;
    const [narrow, wide] = isRequest ? [a.types, b.types] : [b.types, a.types];
    const fits = (/** @type {string} */ type) =>
      wide.includes(type) ||
      (type === 'integer' && wide.includes('number')) ||
      (isRequest && type === 'number' && wide.includes('integer'));
    if (wide && !narrow?.every(fits)) findings.breaking(where, `the type ${said(a.types)} became ${said(b.types)}`);
    if (isRequest ? a.nullable && !b.nullable : b.nullable && !a.nullable) {
      findings.breaking(where, isRequest ? 'null is not taken any more' : 'may now be null');
    }
    const [from, to] = isRequest ? [b.format, a.format] : [a.format, b.format];
    if (from && from !== to) findings.breaking(where, `the format ${said(a.format)} became ${said(b.format)}`);
    if (a.default !== undefined && canonical(a.default) !== canonical(b.default)) {
      findings.breaking(where, `the default ${said(a.default)} became ${said(b.default)}`);
    }
  }

  /** @param {Schema} a @param {Schema} b @param {boolean} isRequest @param {string} where */
  #enums(a, b, isRequest, where) {
    const { findings } = this;
    if (!a.enum || !b.enum) {
      if (isRequest ? b.enum : a.enum)
        findings.breaking(where, isRequest ? 'takes fewer values' : 'may have any value');
      return;
    }
    if (isRequest) {
      for (const value of a.enum.filter((/** @type {unknown} */ one) => !b.enum.includes(one))) {
        findings.breaking(where, `the value ${said(value)} is not taken any more`);
      }
    }
    for (const value of b.enum.filter((/** @type {unknown} */ one) => !a.enum.includes(one))) {
      findings.added(where, `the value ${said(value)}`, String(value));
    }
  }

  /** @param {Schema} a @param {Schema} b @param {boolean} isRequest @param {string} where */
  #limits(a, b, isRequest, where) {
    const [wide, narrow] = isRequest ? [a, b] : [b, a];
    const tighter = [
      ...LOWER.filter((name) => Number(narrow[name] ?? -Infinity) > Number(wide[name] ?? -Infinity)),
      ...UPPER.filter((name) => Number(narrow[name] ?? Infinity) < Number(wide[name] ?? Infinity)),
      ...RULES.filter((name) => narrow[name] && canonical(narrow[name]) !== canonical(wide[name])),
    ];
    for (const name of tighter) this.findings.breaking(where, `${name} ${said(a[name])} became ${said(b[name])}`);
  }

  /** @param {Schema} a @param {Schema} b @param {'request' | 'response'} direction @param {string} name */
  #properties(a, b, direction, name) {
    const { findings } = this;
    const where = `${name} (${direction})`;
    const isRequest = direction === 'request';
    const before = this.#visible(this.before, a, direction);
    const after = this.#visible(this.after, b, direction);
    for (const [property, given] of Object.entries(before)) {
      const now = after[property];
      const [was, is] = [a, b].map(({ required = [] }) => required.includes(property));
      if (!now) {
        findings.removed(where, `${property} is removed`, resolve(this.before, given));
        continue;
      }
      if (isRequest && is && !was) findings.breaking(where, `${property} is now required`);
      if (!isRequest && was && !is) {
        findings.removed(where, `${property} may now be missing`, resolve(this.before, given));
      }
      this.compare(given, now, direction, `${name}.${property}`);
    }
    for (const property of Object.keys(after).filter((one) => !(one in before))) {
      if (isRequest && b.required?.includes(property)) findings.breaking(where, `${property} is new and required`);
      else findings.added(name, property, property);
    }
  }

  /** Properties that have a part in the direction. @param {object} document @param {Schema} schema @param {string} direction */
  #visible(document, schema, direction) {
    const hidden = direction === 'request' ? 'readOnly' : 'writeOnly';
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).filter(([, property]) => !resolve(document, property)[hidden]),
    );
  }

  /** Properties without a name of their own. @param {Schema} a @param {Schema} b @param {'request' | 'response'} direction @param {string} name */
  #others(a, b, direction, name) {
    const [before, after] = [a, b].map(({ additionalProperties = true }) => additionalProperties);
    const isRequest = direction === 'request';
    const place = `${name}.*`;
    if (typeof before === 'object' && typeof after === 'object') return this.compare(before, after, direction, place);
    const isNarrower = isRequest ? after !== true && before !== after && before !== false : typeof before === 'object';
    if (isNarrower) this.findings.breaking(`${name} (${direction})`, 'other properties changed their type');
  }

  /** `oneOf` and `anyOf`. @param {Schema} a @param {Schema} b @param {'request' | 'response'} direction @param {string} name */
  #alternatives(a, b, direction, name) {
    for (const kind of ['oneOf', 'anyOf']) {
      const [before, after] = [a[kind], b[kind]];
      if (!before && !after) continue;
      const where = `${name} (${direction})`;
      if (!before || !after) {
        this.findings.breaking(where, `${kind} came or went`);
        continue;
      }
      /** @type {(list: Schema[]) => (one: Schema) => boolean} */
      const isIn = (list) => (one) => list.some((other) => canonical(other) === canonical(one));
      const gone = before.filter((/** @type {Schema} */ one) => !isIn(after)(one));
      const come = after.filter((/** @type {Schema} */ one) => !isIn(before)(one));
      for (const one of before.filter(isIn(after))) this.compare(one, one, direction, `${name} ${kind}`);
      if (gone.length === 1 && come.length === 1) this.compare(gone[0], come[0], direction, `${name} ${kind}`);
      else if (direction === 'request' && gone.length > 0) this.findings.breaking(where, `${kind} takes fewer schemas`);
      else if (direction === 'response' && come.length > 0) this.findings.breaking(where, `${kind} has new schemas`);
    }
  }
}

/** @param {Schema | undefined} schema */
function refers(schema) {
  return Boolean(schema?.$ref ?? schema?.allOf);
}

/** @param {unknown} value */
function said(value) {
  return value === undefined ? 'none' : [value].flat().map(String).join(' or ');
}
