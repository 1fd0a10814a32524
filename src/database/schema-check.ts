import type { DataSource } from 'typeorm';
import { MIGRATIONS } from './migrations.js';

/** The schema in MySQL is older or newer than this code. */
export class SchemaMismatchError extends Error {
  constructor(detail: string) {
    super(`${detail} Run \`npm run migrate\` with the version of Tallystone that you want to run.`);
    this.name = 'SchemaMismatchError';
  }
}

/** API and worker never migrate: they check that exactly this code's migrations have run. @throws SchemaMismatchError */
export async function assertSchemaFits(dataSource: DataSource): Promise<void> {
  const expected = MIGRATIONS.map((migration) => new migration().name!);
  const applied = await appliedMigrations(dataSource);
  const missing = expected.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !expected.includes(name));
  if (missing.length > 0) throw new SchemaMismatchError(`The database lacks ${missing.join(', ')}.`);
  if (unknown.length > 0)
    throw new SchemaMismatchError(`The database is newer than this code (${unknown.join(', ')}).`);
}

async function appliedMigrations(dataSource: DataSource): Promise<string[]> {
  const tables: unknown[] = await dataSource.query(
    `SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'migrations'`,
  );
  if (tables.length === 0) return [];
  const rows: { name: string }[] = await dataSource.query('SELECT name FROM migrations ORDER BY id');
  return rows.map((row) => row.name);
}
