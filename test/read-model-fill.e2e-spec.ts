import { encodeEnvelope } from '../src/events/envelope.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent, APP } from './support/events.js';
import { ReadModel } from './support/read-model.js';
import { ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const HOUR_MS = 3_600_000;
/** Events whose metadata is as large as it may be, and together more than 32 MiB. */
const LARGE = 1100;
const LARGE_METADATA = JSON.stringify({ text: 'x'.repeat(31 * 1024) });
const OTHER_APP = APP.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));

/** An installation that ran before there was a read model: its events have left nothing in the outbox. */
describe('filling the copy in ClickHouse', () => {
  let stack: Stack;
  let readModel: ReadModel;
  const now = Date.now();
  const event = (i: number, more: Partial<AcceptedEvent> = {}): AcceptedEvent =>
    acceptedEvent({
      appId: i % 3 === 0 ? OTHER_APP : APP,
      eventId: `e${i}`,
      occurredAt: now - (i % 2500) * HOUR_MS,
      userValue: `u${i % 50}`,
      metadata: `{"i":${i}}`,
      ...more,
    });
  const push = async (events: AcceptedEvent[]): Promise<void> => {
    for (let at = 0; at < events.length; at += 1000) {
      await stack.push(at / 1000, ...events.slice(at, at + 1000).map(encodeEnvelope));
    }
  };
  const off = { CLICKHOUSE_URL: '', CLICKHOUSE_COPY_URL: '' };
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 0, engine: 'own', env: { COPY_TIMEOUT_MS: '1500' } });
    readModel = new ReadModel(stack);
    const worker = await stack.startWorker(off);
    await push(Array.from({ length: 3000 }, (_none, i) => event(i)));
    // More than one insert of ClickHouse takes.
    await push(Array.from({ length: LARGE }, (_none, i) => event(10_000 + i, { metadata: LARGE_METADATA })));
    await stack.committed();
    await worker.stop();
    // Committed an hour ago: the time is in the ids.
    const hourAgo = (now - HOUR_MS).toString(16).padStart(12, '0');
    for (const table of ['events', 'ingest_batches']) {
      await stack.query(`UPDATE ${table} SET batch_id = CONCAT(?, SUBSTRING(batch_id, 7))`, [
        Buffer.from(hourAgo, 'hex'),
      ]);
    }
  });
  afterEach(async () => {
    for (const worker of stack.workers.splice(0)) await worker.stop();
  });
  afterAll(async () => {
    await readModel?.close();
    await stack?.stop();
  });

  const state = async () => {
    const [row] = await stack.query<{ enabled: number; complete: number; filled: string }>(
      'SELECT enabled, complete_at IS NOT NULL AS complete, filled FROM read_model',
    );
    return { enabled: Number(row!.enabled), complete: Number(row!.complete), filled: Number(row!.filled) };
  };
  const complete = () => until(async () => (await state()).complete === 1, 'the read model to be complete');
  const rebuild = async () => {
    const [row] = await stack.query<Record<'ordered' | 'stage' | 'generation', number>>(
      'SELECT rebuild_ordered AS ordered, rebuild_stage AS stage, generation FROM read_model',
    );
    return { ordered: Number(row!.ordered), stage: Number(row!.stage), generation: Number(row!.generation) };
  };
  const rebuilt = () =>
    until(async () => {
      const { ordered, stage } = await rebuild();
      return ordered === 0 && stage === 0;
    }, 'the read model to be rebuilt');
  const same = async (): Promise<void> => {
    await readModel.caughtUp();
    expect(await readModel.rows()).toEqual(await readModel.expected());
  };
  const audit = async (...args: string[]): Promise<string[]> => {
    const command = ServerProcess.start('audit-counts', stack.variables, args);
    // Rows were deleted from events alone, so the rollups differ too.
    expect(await command.ended()).toBe(1);
    return command.text.split('\n').filter((line) => line.startsWith('read model'));
  };
  const again = async (): Promise<void> => {
    await stack.query('UPDATE read_model SET complete_at = NULL, filled_app = NULL, filled_id = NULL, filled = 0');
  };

  test('without ClickHouse a commit leaves nothing in the outbox', async () => {
    expect(await stack.query('SELECT * FROM outbox')).toEqual([]);
    expect(await state()).toEqual({ enabled: 0, complete: 0, filled: 0 });
  });

  test('it is filled at the first start, while events arrive, late ones among them', async () => {
    await stack.startWorker();
    await until(async () => (await state()).enabled === 1, 'the read model to be found');
    await push(Array.from({ length: 500 }, (_none, i) => event(20_000 + i)));
    await complete();
    await same();
    expect(await readModel.count()).toBe(3500 + LARGE);
    expect((await state()).filled).toBeGreaterThanOrEqual(3000 + LARGE);
  });

  test('it goes on after a kill; nothing is copied twice, and what was erased meanwhile goes', async () => {
    await again();
    // As a worker leaves it that was killed between sending a piece and looking at it again.
    await stack.query("DELETE FROM events WHERE user_id = 'u7'");
    await readModel.client.command({ query: "ALTER TABLE events DELETE WHERE metadata LIKE '%1}'" });
    const worker = await stack.startWorker();
    await until(async () => (await state()).filled > 0, 'the filling to begin');
    await worker.stop('SIGKILL');
    await stack.startWorker();
    await complete();
    await same();
  });

  test('a rebuild that is ordered during the first filling begins anew at once', async () => {
    await again();
    // The filling has come to its end, past a row that is not there.
    await readModel.client.command({ query: `ALTER TABLE events DELETE WHERE metadata = '{"i":3}'` });
    await stack.query('UPDATE read_model SET filled_app = ?, filled_id = ?, rebuild_ordered = 1', [
      Buffer.alloc(16, 255),
      Buffer.alloc(16, 255),
    ]);
    const { generation } = await rebuild();
    const worker = await stack.startWorker();
    await complete();
    await same();
    expect(await rebuild()).toEqual({ ordered: 0, stage: 0, generation: generation + 1 });
    expect(worker.text).not.toMatch(/differs from MySQL/);
  });

  test('audit:counts compares the copy by its ids, and every column with --deep', async () => {
    expect(await audit()).toEqual([]);
    expect(await audit('--deep')).toEqual([]);
    await readModel.client.command({
      query: `ALTER TABLE events UPDATE title = 'another' WHERE metadata = '{"i":4}'`,
      clickhouse_settings: { mutations_sync: '2' },
    });
    expect(await audit()).toEqual([]);
    expect(await audit('--deep')).toEqual([expect.stringMatching(/: differs in title$/)]);
    await readModel.client.command({ query: `ALTER TABLE events DELETE WHERE metadata = '{"i":4}'` });
    expect(await audit()).toEqual([
      expect.stringMatching(/^read model: app .*, month \d+: \d+ events in MySQL, \d+ in ClickHouse$/),
    ]);
    expect(await audit('--deep')).toEqual([expect.anything(), expect.stringMatching(/: missing$/)]);
  });

  test('a copy that was changed by hand is found when it is compared, and filled anew', async () => {
    await again();
    const before = await readModel.count();
    await readModel.client.command({ query: 'INSERT INTO events SELECT * FROM events WHERE metadata = \'{"i":3}\'' });
    expect(await readModel.count()).toBe(before + 1);
    const worker = await stack.startWorker();
    await until(() => /differs from MySQL/.test(worker.text), 'the difference to be found');
    await complete();
    await same();
  });

  test('MySQL restored from an older backup: the copy is filled anew, with one warning', async () => {
    await push(Array.from({ length: 20 }, (_none, i) => event(30_000 + i)));
    await stack.startWorker();
    await readModel.caughtUp();
    await stack.workers.splice(0)[0]!.stop();
    // What the backup does not know, is gone from MySQL.
    const newest = 'SELECT MAX(batch_id) AS batch FROM ingest_batches';
    const [{ batch } = { batch: Buffer.alloc(0) }] = await stack.query<{ batch: Buffer }>(newest);
    for (const table of ['events', 'ingest_batches'])
      await stack.query(`DELETE FROM ${table} WHERE batch_id = ?`, [batch]);
    const worker = await stack.startWorker();
    await until(
      async () => /as after a restored backup/.test(worker.text) && (await state()).complete === 1,
      'a new copy',
    );
    await same();
    expect(worker.text.match(/as after a restored backup/g)).toHaveLength(1);
  });

  test('a read model that was deleted by hand is made and filled anew, and is not asked meanwhile', async () => {
    const worker = await stack.startWorker();
    await until(() => /The read model is ready/.test(worker.text), 'the read model');
    expect((await state()).complete).toBe(1);
    await readModel.client.command({ query: 'DROP TABLE events' });
    await readModel.client.command({ query: 'DROP TABLE installation' });
    await readModel.client.command({ query: 'DROP TABLE migrations' });
    await until(async () => (await state()).complete === 0, 'the worker to notice');
    await complete();
    await same();
  });

  test('npm run projection tells how far the copy is, and has it filled anew', async () => {
    const projection = async (...args: string[]): Promise<string> => {
      const command = ServerProcess.start('projection', stack.variables, args);
      expect(await command.ended()).toBe(0);
      return command.text;
    };
    expect(await projection('status')).toMatch(/^complete since .*\n0 events wait to be copied\n$/);
    expect(await projection('rebuild')).toMatch(
      /^complete since .*, and being rebuilt: a worker begins within seconds\n/,
    );
    await readModel.client.command({ query: 'INSERT INTO events SELECT * FROM events WHERE metadata = \'{"i":3}\'' });
    await stack.startWorker();
    await rebuilt();
    await same();
    expect(await projection('status')).toMatch(/^complete since .*\n0 events wait to be copied\n$/);
  });

  test('it is filled anew beside the copy that answers, while events and late ones arrive', async () => {
    const before = (await rebuild()).generation;
    await stack.query('UPDATE read_model SET rebuild_ordered = 1');
    await stack.startWorker();
    await until(async () => (await rebuild()).stage === 1, 'the filling to begin');
    for (let round = 0; round < 5; round += 1) {
      await push(Array.from({ length: 100 }, (_none, i) => event(40_000 + round * 100 + i)));
      expect((await state()).complete).toBe(1);
    }
    await rebuilt();
    await same();
    // To both tables, to none, and to the one again.
    expect((await rebuild()).generation).toBe(before + 3);
    const tables = await readModel.client.query({ query: "SHOW TABLES LIKE 'events%'", format: 'JSONEachRow' });
    expect(await tables.json()).toEqual([{ name: 'events' }]);
  });

  test.each(['after-exchange-begin', 'before-exchange-end'])(
    'a worker dies while the tables take each other’s place (%s): the new one answers, and nothing is lost',
    async (CRASH_AT) => {
      await readModel.client.command({
        query: `ALTER TABLE events UPDATE title = 'old' WHERE metadata = '{"i":3}'`,
        clickhouse_settings: { mutations_sync: '2' },
      });
      await stack.query('UPDATE read_model SET rebuild_ordered = 1');
      const dying = await stack.startWorker({ NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT });
      await push(Array.from({ length: 100 }, (_none, i) => event(50_000 + i)));
      expect(await dying.ended()).toBe('SIGKILL');
      expect((await rebuild()).stage).toBe(2);
      await stack.startWorker();
      await push(Array.from({ length: 100 }, (_none, i) => event(60_000 + i)));
      await rebuilt();
      await same();
    },
  );

  test('a copy that another version derived is filled anew', async () => {
    await readModel.client.command({
      query: `ALTER TABLE events UPDATE derivation = 0, title = 'old' WHERE metadata = '{"i":3}'`,
      clickhouse_settings: { mutations_sync: '2' },
    });
    const worker = await stack.startWorker();
    await until(() => /Derived columns changed/.test(worker.text), 'the change to be noticed');
    expect((await state()).complete).toBe(1);
    await rebuilt();
    await same();
  });
});
