import { parseArgs } from 'node:util';
import { runCommand, UsageError } from './common/command.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { ReadModelState } from './database/entities/index.js';
import { assertSchemaFits } from './database/schema-check.js';
import { type CopyState, copyStatus } from './read-model/backfill/copy-status.js';
import { FillRepository } from './read-model/backfill/fill.repository.js';

const USAGE = `npm run projection -- status
npm run projection -- rebuild

status    whether ClickHouse holds every event, and how many wait to be copied
rebuild   has a worker fill the copy in ClickHouse anew; the present one answers until then`;

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
  const { state, completeAt, filled, total, waiting, oldestWaiting } = await copyStatus(fills);
  const oldest = oldestWaiting ? `, the oldest since ${oldestWaiting.toISOString()}` : '';
  const progress = total > 0 ? `${filled} of ${total} events` : 'a worker begins within seconds';
  const states: Record<CopyState, string> = {
    off: 'off: no worker has reached ClickHouse yet',
    filling: `being filled: ${progress}`,
    rebuilding: `complete since ${completeAt?.toISOString()}, and being rebuilt: ${progress}`,
    complete: `complete since ${completeAt?.toISOString()}`,
  };
  return `${states[state]}\n${waiting} events wait to be copied${oldest}`;
}
