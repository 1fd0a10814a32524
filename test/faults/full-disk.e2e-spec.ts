import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '../../src/common/logger.js';
import { userKey } from '../../src/events/distinct-user.js';
import { ReadModelDeletions } from '../../src/read-model/deletions/read-model-deletions.js';
import { ReadModelStore } from '../../src/read-model/read-model-store.js';
import { READ_MODEL_MIGRATIONS } from '../../src/read-model/schema/migrations.js';
import { TestEngine } from '../support/engine.js';
import { until } from '../support/until.js';

const APP = 'a'.repeat(32);
const KEY = userKey('user', 'gone').toString('hex');
const ROWS = `INSERT INTO events (app_id, occurred_at, received_at, user_key, id, metadata)
SELECT toUUID('aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa'), now64(3), now64(3), if(number % 10 = 0, toUInt128('${BigInt(`0x${KEY}`)}'), number),
  number, randomString(1000) FROM numbers({from:UInt64}, 2000)`;
const noop = (): Promise<void> => Promise.resolve();

/** Only who administers a machine may make a small disk. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

(canMount ? describe : describe.skip)('a full disk under the engine', () => {
  const engine = new TestEngine();
  let mounted = false;
  beforeAll(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=220m', 'tmpfs', engine.folder]);
    mounted = true;
    await engine.start();
  });
  afterAll(async () => {
    await engine.process?.stop();
    if (mounted) execFileSync('umount', [engine.folder]);
    await engine.end();
  });

  test('a person is erased all the same, and the reserve is made again once there is room', async () => {
    const { hostname, port, username, password } = new URL(engine.urls.CLICKHOUSE_COPY_URL);
    const user = { user: username, password };
    const url = `http://${hostname}:${port}`;
    const store = new ReadModelStore({ url, database: 'tallystone', questions: user, copying: user }, 60_000);
    await store.createDatabase();
    for (const query of READ_MODEL_MIGRATIONS.flatMap(({ statements }) => statements))
      await store.client.command({ query });
    for (let from = 0; from < 20_000; from += 2000) {
      await store.client.command({ query: ROWS, query_params: { from } });
    }
    await store.client.command({ query: 'OPTIMIZE TABLE events FINAL' });
    const count = async (): Promise<number> => {
      const [row] = await store.ask<{ n: string }>(
        `SELECT toString(countIf(user_key = toUInt128('${BigInt(`0x${KEY}`)}'))) AS n FROM events`,
      );
      return Number(row!.n);
    };
    expect(await count()).toBe(2000);
    const reserve = join(engine.folder, 'clickhouse-reserve');
    const free = (): number => {
      const { bavail, bsize } = statfsSync(engine.folder);
      return bavail * bsize;
    };
    const [largest] = await store.ask<{ bytes: string }>(
      'SELECT toString(max(bytes_on_disk)) AS bytes FROM system.parts WHERE active',
    );
    await until(() => existsSync(reserve) && statSync(reserve).size > Number(largest!.bytes), 'the reserve', 30_000);
    const oldParts = "SELECT name FROM system.parts WHERE table = 'events' AND _state != 'Active'";
    await until(async () => (await store.ask(oldParts)).length === 0, 'the parts that were merged to go', 30_000);
    const filler = join(engine.folder, 'filler');
    writeFileSync(filler, Buffer.alloc(free() - 4 * 1024 * 1024));
    expect(free()).toBeLessThan(Number(largest!.bytes));
    const deletions = new ReadModelDeletions(store, createLogger({ logLevel: 'silent' }, 'worker'));
    await deletions.erase([{ appId: APP, userKeys: [KEY], receivedUntil: Date.now() }], [], noop);
    expect(await count()).toBe(0);
    expect(existsSync(reserve)).toBe(false);
    rmSync(filler);
    await until(() => existsSync(reserve), 'the reserve to be made again', 30_000);
    await store.close();
  });
});
