import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getMetadataArgsStorage } from 'typeorm';
import { ENTITIES } from '../src/database/entities/index.js';

const FILE = join(process.cwd(), 'docs', 'architecture.md');
const BLOCK = /(<!-- entities: made by test\/er-diagram\.spec\.ts -->\n\n```mermaid\n)([\s\S]*?)(```)/;

/** The entity-relationship diagram in Mermaid, from what TypeORM knows of the entities. */
function erDiagram(): string {
  const storage = getMetadataArgsStorage();
  const tableOf = (target: unknown) => storage.tables.find((table) => table.target === target)!.name!;
  const lines = ['erDiagram'];
  const foreign = new Set<string>();
  for (const relation of storage.relations) {
    const [column] = storage.joinColumns.filter(
      (join) => join.target === relation.target && join.propertyName === relation.propertyName,
    );
    const to = tableOf((relation.type as () => unknown)());
    const from = tableOf(relation.target);
    foreign.add(`${from}.${column!.name}`);
    lines.push(`  ${to} ||--o{ ${from} : "${column!.name}"`);
  }
  // No foreign keys where events are written; the names tell the same.
  const columns = ENTITIES.flatMap((entity) =>
    storage.columns.filter((column) => column.target === entity).map((column) => ({ table: tableOf(entity), column })),
  );
  const pointers = { app_id: 'apps', batch_id: 'ingest_batches', claim_id: 'ingest_claims' } as Record<string, string>;
  for (const { table, column } of columns) {
    const name = column.options.name ?? column.propertyName;
    const to = pointers[name];
    if (to && to !== table && !foreign.has(`${table}.${name}`)) lines.push(`  ${to} ||..o{ ${table} : "${name}"`);
  }
  for (const entity of ENTITIES) {
    const table = tableOf(entity);
    lines.push(`  ${table} {`);
    for (const { column } of columns.filter((one) => one.table === table)) {
      const { name = column.propertyName, type, length, primary, nullable } = column.options;
      const size = length ? `_${length}` : '';
      const keys = [primary ? 'PK' : '', foreign.has(`${table}.${name}`) ? 'FK' : ''].filter(Boolean).join(', ');
      const kind = typeof type === 'string' ? type : String((type as { name?: string })?.name ?? 'text').toLowerCase();
      lines.push(`    ${kind}${size} ${name}${keys ? ` ${keys}` : ''}${nullable ? ' "null"' : ''}`);
    }
    lines.push('  }');
  }
  return `${lines.join('\n')}\n`;
}

test('the diagram of the entities in docs/architecture.md is true (UPDATE_DOCS=1 writes it anew)', () => {
  const text = readFileSync(FILE, 'utf8');
  expect(text).toMatch(BLOCK);
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, text.replace(BLOCK, `$1${erDiagram()}$3`));
  expect(BLOCK.exec(readFileSync(FILE, 'utf8'))![2]).toBe(erDiagram());
});
