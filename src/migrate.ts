import { runCommand } from './common/command.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { ReadModelState } from './database/entities/index.js';
import { migrate } from './database/migrate.js';
import { withNamedLock } from './database/named-lock.js';
import { FillRepository } from './read-model/backfill/fill.repository.js';
import { ReadModelStore } from './read-model/read-model-store.js';
import { migrateReadModel } from './read-model/schema/schema.js';

const LOCK_WAIT_S = 60;

await runCommand(async () => {
  const env = Env.load('command');
  const done = [...(await migrate(env.database)), ...(await migrateClickHouse(env))];
  process.stdout.write(done.length ? `Migrated: ${done.join(', ')}\n` : 'The schema is up to date.\n');
});

/** Where ClickHouse does not answer, a worker makes its tables once it does. @returns names of the migrations that ran now */
async function migrateClickHouse({ database, readModel, copyTimeoutMs }: Env): Promise<string[]> {
  if (!readModel) return [];
  const store = new ReadModelStore(readModel, copyTimeoutMs);
  const dataSource = await createDataSource(database, { poolSize: 2 }).initialize();
  try {
    if (!(await store.client.ping()).success) return [];
    const fills = new FillRepository(ReadModelState, dataSource.manager);
    const done = await withNamedLock(dataSource, 'read-model-schema', LOCK_WAIT_S, (runner) =>
      migrateReadModel(runner, store, () => fills.beginAgain()),
    );
    return done ?? [];
  } finally {
    await store.close();
    await dataSource.destroy();
  }
}
