import { parseArgs } from 'node:util';
import { BufferKeys } from './buffer/buffer-keys.js';
import { BacklogReader } from './buffer/backlog.js';
import { BufferRoom } from './buffer/buffer-room.js';
import { BufferWriter } from './buffer/buffer-writer.js';
import { runCommand, UsageError } from './common/command.js';
import { createLogger } from './common/logger.js';
import { createRedis, PATIENT_COMMAND_TIMEOUT_MS } from './common/redis.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { assertSchemaFits } from './database/schema-check.js';
import { eventName } from './dead-letters/dead-letters.controller.js';
import { DeadLettersService, type Selection } from './dead-letters/dead-letters.service.js';
import { formatUuid, parseUuid } from './events/event-id.js';

const USAGE = `npm run dead-letters -- list [--app ID] [--code CODE] [--limit N]
npm run dead-letters -- replay [--app ID] [--code CODE] [--id ID]

list     what was accepted and could not be stored, newest first, with the reason
replay   tries it again; without --code and --id all but those that would fail again (id_conflict, too_old)`;
const LIMIT = 50;

await runCommand(async () => {
  const { command, selection, limit } = readArguments(process.argv.slice(2));
  const env = Env.load('command');
  const dataSource = await createDataSource(env.database, { poolSize: 1 }).initialize();
  const redis = createRedis(env, createLogger(env, 'dead-letters'), { commandTimeout: PATIENT_COMMAND_TIMEOUT_MS });
  try {
    await assertSchemaFits(dataSource);
    const keys = new BufferKeys(env.redisKeyPrefix);
    const room = new BufferRoom(new BacklogReader(redis, env), redis, env);
    const letters = new DeadLettersService(dataSource, redis, keys, new BufferWriter(redis, keys, env), room);
    if (command === 'list') return await list(letters, selection, limit);
    await redis.connect();
    const clear = process.stderr.isTTY ? '\r\x1b[K' : '';
    const replayed = await letters.replay(selection, (n) => {
      if (clear) process.stderr.write(`${clear}${n} put into the buffer`);
    });
    process.stderr.write(clear);
    process.stdout.write(`${replayed} put into the buffer again; what fails again is listed again\n`);
    return 0;
  } finally {
    redis.disconnect();
    await dataSource.destroy();
  }
});

async function list(letters: DeadLettersService, selection: Selection, limit: number): Promise<number> {
  const found = await letters.list(selection, limit + 1);
  for (const { id, code, reason, appId, envelope, createdAt } of found.slice(0, limit)) {
    const app = appId ? formatUuid(appId) : 'app unknown';
    const event = eventName(envelope) ?? 'event unknown';
    process.stdout.write(
      `${formatUuid(id)}  ${createdAt.toISOString()}  ${app}  ${code}  ${event}\n    ${reason.toString()}\n`,
    );
  }
  if (found.length > limit) process.stdout.write(`… and more: --limit ${limit * 2}\n`);
  if (found.length === 0) process.stdout.write('No dead letters\n');
  return 0;
}

function readArguments(args: string[]): { command: 'list' | 'replay'; selection: Selection; limit: number } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { app: { type: 'string' }, code: { type: 'string' }, id: { type: 'string' }, limit: { type: 'string' } },
  });
  const [command] = positionals;
  const limit = Number(values.limit ?? LIMIT);
  const known = command === 'list' || command === 'replay';
  if (!known || positionals.length > 1 || !Number.isInteger(limit) || limit < 1) throw new UsageError(USAGE);
  const id = uuid('--id', values.id);
  return {
    command,
    selection: { appId: uuid('--app', values.app), ids: id ? [id] : undefined, code: values.code },
    limit,
  };
}

function uuid(option: string, text: string | undefined): string | undefined {
  const id = text === undefined ? undefined : parseUuid(text);
  if (text !== undefined && !id) throw new UsageError(`${option} takes the id of an app or letter, a UUID`);
  return id;
}
