import { Env } from './config/env.js';
import { migrate } from './database/migrate.js';
import { runCommand } from './common/command.js';

await runCommand(async () => {
  const done = await migrate(Env.load('command').database);
  process.stdout.write(done.length ? `Migrated: ${done.join(', ')}\n` : 'The schema is up to date.\n');
});
