import { runCommand } from './common/command.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { assertSchemaFits } from './database/schema-check.js';
import { recount } from './processing/recount/recount.js';

/** Differing cells that are listed; the rest is only counted. */
const LISTED = 1000;

await runCommand(async () => {
  const dataSource = await createDataSource(Env.load('command').database, { poolSize: 1 }).initialize();
  try {
    await assertSchemaFits(dataSource);
    let listed = 0;
    const clear = process.stderr.isTTY ? '\r\x1b[K' : '';
    const differences = await recount(dataSource, {
      difference: (line) => {
        if (listed < LISTED) process.stdout.write(`${clear}${line}\n`);
        listed += 1;
      },
      unchecked: (line) => process.stdout.write(`${clear}${line}\n`),
      progress: ({ app, apps, table }) => {
        if (clear) process.stderr.write(`${clear}Recounting app ${app} of ${apps}: ${table}`);
      },
    });
    process.stderr.write(clear);
    if (differences > LISTED) process.stdout.write(`… and ${differences - LISTED} more\n`);
    process.stdout.write(`${differences} ${differences === 1 ? 'difference' : 'differences'}\n`);
    return differences === 0 ? 0 : 1;
  } finally {
    await dataSource.destroy();
  }
});
