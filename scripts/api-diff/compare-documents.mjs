import { SchemaComparison } from './compare-schemas.mjs';
import { Findings } from './findings.mjs';
import { canonical, resolve } from './normal-schema.mjs';

/** @typedef {import('./normal-schema.mjs').Document} Document */
/** @typedef {Record<string, any>} Part of an OpenAPI document */

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
/** How the values of a parameter are written. */
const SPELLING = ['style', 'explode', 'allowReserved'];

/**
 * Finds what clients of the last release would notice.
 * @param {Document} before the OpenAPI document of the last release
 * @param {Document} after the current one
 * @param {readonly string[]} releases versions of all releases so far
 * @returns {Findings}
 */
export function compareDocuments(before, after, releases) {
  const findings = new Findings(releases);
  new DocumentComparison(before, after, findings).run();
  return findings;
}

class DocumentComparison {
  /** @param {Document} before @param {Document} after @param {Findings} findings */
  constructor(before, after, findings) {
    this.before = before;
    this.after = after;
    this.findings = findings;
    this.schemas = new SchemaComparison(before, after, findings);
  }

  run() {
    for (const [path, item] of Object.entries(this.before.paths)) {
      for (const method of METHODS.filter((one) => item[one])) {
        const where = `${method.toUpperCase()} ${path}`;
        const now = this.after.paths[path]?.[method];
        if (now) this.#operation(this.#whole(item, method), this.#whole(this.after.paths[path], method), where);
        else this.findings.removed(where, 'the operation is removed', item[method]);
      }
    }
    for (const [path, item] of Object.entries(this.after.paths)) {
      for (const method of METHODS.filter((one) => item[one] && !this.before.paths[path]?.[one])) {
        this.findings.added(`${method.toUpperCase()} ${path}`, 'the operation', path);
      }
    }
    this.#securitySchemes();
  }

  /** An operation with the parameters of its path. @param {Part} item @param {string} method */
  #whole(item, method) {
    return { ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] };
  }

  /** @param {Part} a @param {Part} b @param {string} where */
  #operation(a, b, where) {
    if (a.operationId !== b.operationId) {
      this.findings.breaking(where, `the operation id ${a.operationId} became ${b.operationId}`);
    }
    this.#parameters(a, b, where);
    this.#body(a.requestBody, b.requestBody, where);
    this.#responses(a.responses ?? {}, b.responses ?? {}, where);
    this.#security(a.security ?? this.before.security, b.security ?? this.after.security, where);
  }

  /** @param {Part} a @param {Part} b @param {string} where */
  #parameters(a, b, where) {
    const { findings } = this;
    const [before, after] = [byName(this.before, a.parameters), byName(this.after, b.parameters)];
    for (const [key, given] of before) {
      const now = after.get(key);
      if (!now) {
        findings.removed(where, `the parameter ${given.name} is removed`, given);
        continue;
      }
      if (now.required && !given.required) findings.breaking(where, `the parameter ${given.name} is now required`);
      if (SPELLING.some((one) => given[one] !== now[one])) {
        findings.breaking(where, `the parameter ${given.name} is written in another way`);
      }
      this.schemas.compare(given.schema, now.schema, 'request', `${where} ${given.name}`);
      if (given.content || now.content) this.#content(given.content, now.content, 'request', `${where} ${given.name}`);
    }
    for (const [key, now] of after) {
      if (before.has(key)) continue;
      if (now.required) findings.breaking(where, `the parameter ${now.name} is new and required`);
      else findings.added(where, `the parameter ${now.name}`, now.name);
    }
  }

  /** @param {Part | undefined} given @param {Part | undefined} current @param {string} where */
  #body(given, current, where) {
    const [a, b] = [resolve(this.before, given), resolve(this.after, current)];
    if (a && !b) this.findings.breaking(where, 'a body is not taken any more');
    if (b?.required && !a?.required) this.findings.breaking(where, 'a body is now required');
    if (a && b) this.#content(a.content, b.content, 'request', `${where} body`);
  }

  /**
   * @param {Part | undefined} before @param {Part | undefined} after by media type
   * @param {'request' | 'response'} direction @param {string} where
   */
  #content(before = {}, after = {}, direction, where) {
    for (const [type, given] of Object.entries(before)) {
      if (after[type]) this.schemas.compare(given.schema, after[type].schema, direction, where);
      else this.findings.breaking(where, `${type} is removed`);
    }
    for (const type of Object.keys(after).filter((one) => !before[one])) this.findings.added(where, type, type);
  }

  /** @param {Part} before @param {Part} after by status @param {string} where */
  #responses(before, after, where) {
    const { findings } = this;
    for (const [status, given] of Object.entries(before)) {
      const place = `${where} ${status}`;
      if (!after[status]) {
        findings.breaking(place, 'the status is removed');
        continue;
      }
      const [a, b] = [resolve(this.before, given), resolve(this.after, after[status])];
      this.#content(a.content, b.content, 'response', place);
      this.#headers(a.headers ?? {}, b.headers ?? {}, place);
    }
    for (const status of Object.keys(after).filter((one) => !before[one])) {
      findings.added(where, `the status ${status}`, status);
    }
  }

  /** @param {Part} before @param {Part} after by name @param {string} where */
  #headers(before, after, where) {
    for (const [name, given] of Object.entries(before)) {
      const [a, b] = [resolve(this.before, given), resolve(this.after, after[name])];
      if (!b) this.findings.removed(where, `the header ${name} is removed`, a);
      else if (a.required && !b.required) this.findings.breaking(where, `the header ${name} may now be missing`);
      if (b) this.schemas.compare(a.schema, b.schema, 'response', `${where} ${name}`);
    }
    // Deprecation follows from what is deprecated, which the changelog names.
    for (const name of Object.keys(after).filter((one) => !before[one] && one !== 'Deprecation')) {
      this.findings.added(where, `the header ${name}`, name);
    }
  }

  /** Every token that was enough must still be enough. @param {Part[] | undefined} before @param {Part[] | undefined} after @param {string} where */
  #security(before = [], after = [], where) {
    // No requirement at all, and an empty one, both let everybody in.
    const [a, b] = [before, after].map((ways) => (ways.length > 0 ? ways : [{}]));
    /** @type {(way: Part) => (given: Part) => boolean} */
    const isEnough = (way) => (given) =>
      Object.entries(way).every(
        ([name, scopes]) => given[name] && scopes.every((/** @type {string} */ one) => given[name].includes(one)),
      );
    for (const given of a) {
      if (b.some((way) => isEnough(way)(given))) continue;
      const names = Object.keys(given).join(' and ') || 'no token';
      this.findings.breaking(where, `${names} is not enough any more`);
    }
  }

  #securitySchemes() {
    const [before, after] = [this.before, this.after].map(({ components }) => components?.securitySchemes ?? {});
    for (const [name, scheme] of Object.entries(before)) {
      if (canonical(scheme) !== canonical(after[name])) this.findings.breaking(name, 'the security scheme changed');
    }
  }
}

/** @param {Document} document @param {Part[]} parameters @returns {Map<string, Part>} the own ones of an operation win */
function byName(document, parameters) {
  const all = parameters.map((one) => resolve(document, one));
  return new Map(all.map((one) => [`${one.in} ${one.in === 'header' ? one.name.toLowerCase() : one.name}`, one]));
}
