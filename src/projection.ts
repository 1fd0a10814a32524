import { parseArgs } from 'node:util';
import { runCommand } from './common/command.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { ReadModelState } from './database/entities/index.js';
import { assertSchemaFits } from './database/schema-check.js';
import { REBUILD } from './read-model/copy-targets.js';
import { FillRepository } from './read-model/backfill/fill.repository.js';

const USAGE = `npm run projection -- status
npm run projection -- rebuild

status    whether ClickHouse holds every event, and how many wait to be copied
rebuild   has a worker fill the copy in ClickHouse anew; the present one answers until then`;

class UsageError extends Error {}

await runCommand(async () => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [command] = positionals;
  if (positionals.length !== 1 || (command !== 'status' && command !== 'rebuild')) throw new UsageError(USAGE);
  const dataSource = await createDataSource(Env.load('command').database, { poolSize: 1 }).initialize();
  try {
    await assertSchemaFits(dataSource);
    const fills = new FillRepository(ReadModelState, dataSource.manager);
    if (command === 'rebuild') await fills.orderRebuild();
    process.stdout.write(`${await status(fills)}\n`);
  } finally {
    await dataSource.destroy();
  }
});

async function status(fills: FillRepository): Promise<string> {
  const { enabled, completeAt, filled, rebuildOrdered, rebuildStage } = await fills.state();
  const { events, oldest } = await fills.waiting();
  const waiting = `${events} events wait to be copied${oldest ? `, the oldest since ${oldest.toISOString()}` : ''}`;
  if (!enabled) return 'off: no worker has reached ClickHouse yet';
  if (rebuildOrdered) return `to be rebuilt: a worker begins within seconds\n${waiting}`;
  const progress = async (): Promise<string> => `${filled} of ${await fills.total()} events`;
  if (!completeAt) return `being filled: ${await progress()}\n${waiting}`;
  if (rebuildStage !== REBUILD.none) return `complete, and being rebuilt: ${await progress()}\n${waiting}`;
  return `complete since ${completeAt.toISOString()}\n${waiting}`;
}
