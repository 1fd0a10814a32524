import { createDataSource } from '../src/database/data-source.js';
import { ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';

interface ColumnRow {
  t: string;
  c: string;
  kind: string;
  length: string | null;
  nullable: string;
}

describe('the schema', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 0 });
  });
  afterAll(() => stack?.stop());

  const columns = () =>
    stack.query<ColumnRow>(
      `SELECT table_name AS t, column_name AS c, data_type AS kind, character_maximum_length AS length,
        is_nullable AS nullable FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> 'migrations'`,
    );

  test('made by the migrations is the one that the entities describe', async () => {
    const described = stack.db.entityMetadatas.flatMap((entity) =>
      entity.columns.map((column) => {
        const kind = column.type === 'boolean' ? 'tinyint' : String(column.type);
        const sized = ['binary', 'varbinary', 'varchar'].includes(kind);
        return [
          entity.tableName,
          column.databaseName,
          kind,
          sized ? Number(column.length) : '',
          column.isNullable,
        ].join(' ');
      }),
    );
    const made = (await columns()).map(({ t, c, kind, length, nullable }) => {
      const sized = ['binary', 'varbinary', 'varchar'].includes(kind);
      return [t, c, kind, sized ? Number(length) : '', nullable === 'YES'].join(' ');
    });
    expect(made.sort()).toEqual(described.sort());
  });

  test('has the keys that the entities describe', async () => {
    const rows = await stack.query<{ t: string; k: string }>(
      `SELECT table_name AS t, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS k FROM information_schema.statistics
      WHERE table_schema = DATABASE() AND table_name <> 'migrations' GROUP BY table_name, index_name`,
    );
    const described = stack.db.entityMetadatas.flatMap((entity) => [
      `${entity.tableName} ${entity.primaryColumns.map((column) => column.databaseName).join()}`,
      ...entity.indices.map(
        (index) => `${entity.tableName} ${index.columns.map((column) => column.databaseName).join()}`,
      ),
    ]);
    expect([...new Set(rows.map(({ t, k }) => `${t} ${k}`))].sort()).toEqual([...new Set(described)].sort());
  });

  test('app_id leads every key of events and rollups, which have no foreign key and no auto-increment', async () => {
    const tables = `('events', 'event_summary', 'archived_users', 'user_analytics')`;
    const first = await stack.query<{ c: string }>(
      `SELECT DISTINCT column_name AS c FROM information_schema.statistics
      WHERE table_schema = DATABASE() AND seq_in_index = 1 AND table_name IN ${tables}`,
    );
    expect(first).toEqual([{ c: 'app_id' }]);
    const extras = await stack.query(
      `SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() AND extra LIKE '%auto_increment%'
        AND table_name IN ${tables}
      UNION ALL SELECT table_name FROM information_schema.key_column_usage
      WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND table_name IN ${tables}`,
    );
    expect(extras).toEqual([]);
  });

  test('goes down and up again', async () => {
    const before = (await columns()).map((row) => JSON.stringify(row)).sort();
    const db = await createDataSource(stack.env.database, { poolSize: 1 }).initialize();
    try {
      for (let done = 0; done < db.migrations.length; done += 1) await db.undoLastMigration();
      expect(await columns()).toEqual([]);
      await db.runMigrations();
    } finally {
      await db.destroy();
    }
    expect((await columns()).map((row) => JSON.stringify(row)).sort()).toEqual(before);
  });

  test.each(['main', 'worker'] as const)(
    '%s ends with 1 and names npm run migrate where it does not fit',
    async (entry) => {
      await stack.query('CREATE TABLE kept AS SELECT * FROM migrations');
      await stack.query('DELETE FROM migrations');
      try {
        const process = ServerProcess.start(entry, { ...stack.variables, PORT: '1' });
        expect(await process.ended()).toBe(1);
        expect(process.text).toContain('npm run migrate');
      } finally {
        await stack.query('INSERT INTO migrations SELECT * FROM kept');
        await stack.query('DROP TABLE kept');
      }
    },
  );

  test('a Redis of another installation is refused; an emptied one is taken with a warning', async () => {
    const key = `${stack.env.redisKeyPrefix}installation`;
    await stack.startWorker();
    const id = await stack.redis.get(key);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    await stack.redis.set(key, 'f'.repeat(32));
    const refused = ServerProcess.start('worker', stack.variables);
    expect(await refused.ended()).toBe(1);
    expect(refused.text).toContain('another installation');
    await stack.redis.del(key);
    const warned = await stack.startWorker();
    expect(warned.text).toContain('events that were pending in the former Redis are not here');
    expect(await stack.redis.get(key)).toBe(id);
  });
});
