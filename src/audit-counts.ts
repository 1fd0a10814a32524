import { parseArgs } from 'node:util';
import { runCommand } from './common/command.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { assertSchemaFits } from './database/schema-check.js';
import { auditReadModel } from './read-model/audit/audit.js';
import { recount } from './processing/recount/recount.js';

/** Differing cells that are listed; the rest is only counted. */
const LISTED = 1000;

await runCommand(async () => {
  const env = Env.load('command');
  const { deep } = parseArgs({ options: { deep: { type: 'boolean', default: false } } }).values;
  const dataSource = await createDataSource(env.database, { poolSize: 2 }).initialize();
  try {
    await assertSchemaFits(dataSource);
    let listed = 0;
    const clear = process.stderr.isTTY ? '\r\x1b[K' : '';
    const difference = (line: string): void => {
      if (listed < LISTED) process.stdout.write(`${clear}${line}\n`);
      listed += 1;
    };
    const unchecked = (line: string): boolean => process.stdout.write(`${clear}${line}\n`);
    const progress = (text: string): void => {
      if (clear) process.stderr.write(clear + text);
    };
    const recounted = await recount(dataSource, {
      difference,
      unchecked,
      progress: ({ app, apps, table }) => progress(`Recounting app ${app} of ${apps}: ${table}`),
    });
    const differences = recounted + (await auditReadModel(dataSource, env, deep, { difference, unchecked, progress }));
    process.stderr.write(clear);
    if (differences > LISTED) process.stdout.write(`… and ${differences - LISTED} more\n`);
    process.stdout.write(`${differences} ${differences === 1 ? 'difference' : 'differences'}\n`);
    return differences === 0 ? 0 : 1;
  } finally {
    await dataSource.destroy();
  }
});
