// node test/faults/naive-drain.mjs: the drain that one would write first (read a list, insert, count, trim), on the
// product's own tables and statements, but without claim, cursor, batch stamp and transaction. It is kept so that the checker
// can be seen to catch it. CRASH=after-count or after-trim kills it there; TRIM_FIRST=1 trims before it inserts. It ends
// when nothing is pending.
import { pino } from 'pino';
import { BufferKeys } from '#dist/buffer/buffer-keys.js';
import { createRedis } from '#dist/common/redis.js';
import { Env } from '#dist/config/env.js';
import { createDataSource } from '#dist/database/data-source.js';
import { EventSummary, Event } from '#dist/database/entities/index.js';
import { readChunk } from '#dist/processing/chunk.js';
import { EventRepository } from '#dist/processing/repositories/event.repository.js';
import { RollupRepository } from '#dist/processing/repositories/rollup.repository.js';
import { storedForm } from '#dist/processing/stored-form.js';
import { sumRollups } from '#dist/processing/rollup-sums.js';

const { CRASH, TRIM_FIRST } = process.env;
const env = Env.load('command');
const dataSource = await createDataSource(env.database).initialize();
const redis = createRedis(env, pino());
await redis.connect();
const keys = new BufferKeys(env.redisKeyPrefix);
const events = new EventRepository(Event, dataSource.manager);
const rollups = new RollupRepository(EventSummary, dataSource.manager);

for (const segment of await redis.zrange(keys.waiting, 0, -1)) {
  const list = keys.segment(segment);
  for (;;) {
    const texts = await redis.lrange(list, 0, 99);
    if (texts.length === 0) break;
    const chunk = readChunk(texts).entries.map((entry) => entry.event);
    if (TRIM_FIRST) await trim(list, texts.length);
    await events.insertNew(chunk.map((event) => storedForm(event, '0'.repeat(32))));
    await rollups.add(sumRollups(chunk));
    if (CRASH === 'after-count') process.kill(process.pid, 'SIGKILL');
    if (!TRIM_FIRST) await trim(list, texts.length);
  }
}
process.exit(0);

async function trim(list, length) {
  await redis.ltrim(list, length, -1);
  if (CRASH === 'after-trim') process.kill(process.pid, 'SIGKILL');
}
