import { EngineError } from './engine-error.js';

/** Functions that read what is outside the database. */
const OUTSIDE = new Set(['file', 'executable', 'joinGet', 'joinGetOrNull', 'catboostEvaluate']);

/** Databases of ClickHouse itself, which tell of everybody's tables and statements. */
const OF_CLICKHOUSE = /^(system|information_schema|_temporary_and_external_tables)$/i;

/** @throws EngineError ACCESS_DENIED for a database of ClickHouse itself */
export function assertOfProduct(database: string): void {
  if (!OF_CLICKHOUSE.test(database)) return;
  throw new EngineError('ACCESS_DENIED', `A question does not read the database ${database}.`);
}

interface Node {
  /** As EXPLAIN AST writes it: "Function plus", "TableIdentifier events". */
  kind: string;
  name: string;
  children: Node[];
}

/**
 * Whether a question is one SELECT on tables of the read model, judged by ClickHouse's own syntax tree.
 * @param ast answer of EXPLAIN AST: one node a line, indented by its depth
 * @throws EngineError READONLY, or ACCESS_DENIED with what is not allowed
 */
export function assertOnlyReads(ast: string, database: string): void {
  const root = parseTree(ast);
  // INTO OUTFILE and FORMAT would be further children.
  if (root?.kind !== 'SelectWithUnionQuery' || root.children.length !== 1) {
    throw new EngineError('READONLY', 'A question is one SELECT, without INTO OUTFILE.');
  }
  assertNode(root, database);
}

function parseTree(ast: string): Node | undefined {
  const path: Node[] = [];
  for (const line of ast.split('\n')) {
    const depth = line.search(/\S/);
    if (depth < 0) continue;
    const [kind, name = ''] = line.slice(depth).split(' ') as [string, string?];
    const node = { kind, name, children: [] };
    path.length = depth;
    path.at(-1)?.children.push(node);
    path.push(node);
  }
  return path[0];
}

function assertNode(node: Node, database: string): void {
  const { kind, name, children } = node;
  if (kind === 'Set') throw new EngineError('READONLY', 'A question states settings in its request, not in SETTINGS.');
  if (kind === 'Function' && OUTSIDE.has(name)) {
    throw new EngineError('ACCESS_DENIED', `A question does not use the function ${name}.`);
  }
  if (kind === 'Function' && /^dict/i.test(name)) assertDictionary(children[0]?.children[0], database);
  if (kind === 'TableExpression' && children[0]?.kind === 'Function') {
    throw new EngineError('ACCESS_DENIED', `A question uses no table function: ${children[0].name}.`);
  }
  if (kind === 'TableIdentifier' && name.includes('.') && !name.startsWith(`${database}.`)) {
    throw new EngineError('ACCESS_DENIED', `A question reads tables of ${database} only, not ${name}.`);
  }
  if (kind === 'Function' && /in(IgnoreSet)?$/i.test(name)) {
    const [, right] = children[0]?.children ?? [];
    if (right && /Identifier$/.test(right.kind)) {
      throw new EngineError('ACCESS_DENIED', `Write IN (SELECT … FROM ${right.name}), not IN ${right.name}.`);
    }
  }
  for (const child of children) assertNode(child, database);
}

/** A dictionary belongs to a database, as a table does; its name is stated, not computed. */
function assertDictionary(node: Node | undefined, database: string): void {
  const [, name] = /^(?:'(.*)'|.*)$/.exec(node?.name ?? '') ?? [];
  const stated = node?.kind === 'Literal' ? name : node?.kind === 'Identifier' ? node.name : undefined;
  if (stated !== undefined && (!stated.includes('.') || stated.startsWith(`${database}.`))) return;
  throw new EngineError('ACCESS_DENIED', `A question uses dictionaries of ${database} only, by their name.`);
}

const FILTERS = /^\{(?:\s*'[\w.]+'\s*:\s*'(?:[^'\\]|\\.)*'\s*(?:,(?=\s*')|(?=\})))*\}$/;
const FILTER = /'([\w.]+)'\s*:\s*'((?:[^'\\]|\\.)*)'/g;
const APPS = /^app_id IN \((?:(?:'[\da-f-]{32,36}'|\d{1,20})(?:, ?(?=['\d])|(?=\))))+\)$/i;

/**
 * Whether every table that holds rows of apps is filtered by the apps that were asked for.
 * @param filters the setting `additional_table_filters`, as in {'events':'app_id IN (1, 2)'}
 * @param tables those with a column app_id
 * @throws EngineError ACCESS_DENIED
 */
export function assertFiltered(filters: string | undefined, tables: readonly string[], database: string): void {
  if (tables.length === 0) return;
  if (!filters || !FILTERS.test(filters)) {
    throw new EngineError('ACCESS_DENIED', `A question states additional_table_filters for: ${tables.join(', ')}.`);
  }
  const stated = new Map<string, string>();
  for (const [, table, text] of filters.matchAll(FILTER)) {
    stated.set(table!.replace(`${database}.`, ''), text!.replace(/\\(.)/g, '$1'));
  }
  for (const table of tables) {
    if (!APPS.test(stated.get(table) ?? '')) {
      throw new EngineError('ACCESS_DENIED', `additional_table_filters names the apps of ${table}: app_id IN (…).`);
    }
  }
}
