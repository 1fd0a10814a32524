import { call, registerApp, signIn } from '../support/client.js';
import { ReadModel } from '../support/read-model.js';
import { Relay } from '../support/relay.js';
import { ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const BROKEN = '--import ./test/faults/broken-copy.mjs';
const CRASHING = '--import ./test/faults/crash-points.mjs';
const EVENTS = 30;

/** Tests of the copy that cannot fail prove nothing: here they meet copies that lack one of its rules each. */
describe('a copy that lacks a rule is found', () => {
  let stack: Stack;
  let readModel: ReadModel;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { COPY_TIMEOUT_MS: '1500', CLAIM_LEASE_MS: '3000' } });
    readModel = new ReadModel(stack);
    app = await registerApp(stack.url, await signIn(stack.url));
    // The read model is made and complete.
    const worker = await stack.startWorker();
    await send();
    await readModel.caughtUp();
    await worker.stop();
  });
  beforeEach(async () => {
    await stack.query('DELETE FROM events');
    await readModel.client.command({ query: 'TRUNCATE TABLE events' });
  });
  afterEach(async () => {
    for (const worker of stack.workers.splice(0)) await worker.stop();
  });
  afterAll(async () => {
    await readModel?.close();
    await stack?.stop();
  });

  async function send(): Promise<void> {
    const events = Array.from({ length: EVENTS }, (_none, i) => ({ event: 'tick', userId: `u${i}` }));
    const { status } = await call(`${stack.url}/collect/batch`, { key: app.apiKey, body: { events } });
    expect(status).toBe(202);
  }

  const isSame = async (): Promise<boolean> => {
    const [copied, expected] = [await readModel.rows(), await readModel.expected()];
    expect(expected).toHaveLength(EVENTS);
    return JSON.stringify(copied) === JSON.stringify(expected) && (await readModel.count()) === expected.length;
  };

  /** A worker whose insert arrives only after it was killed and another worker has copied its batch. */
  async function lateInsert(env: Record<string, string>): Promise<void> {
    const { hostname: host, port } = new URL(stack.variables.CLICKHOUSE_URL!);
    const relay = await Relay.to({ host, port: Number(port) });
    const urls = ['CLICKHOUSE_URL', 'CLICKHOUSE_COPY_URL'].map((name) => {
      const url = new URL(stack.variables[name]!);
      url.port = String(relay.port);
      return [name, url.href];
    });
    const late = await stack.startWorker({ ...(Object.fromEntries(urls) as Record<string, string>), ...env });
    await until(() => /read model is ready/.test(late.text), 'the read model');
    const held = relay.holdAt('insert_deduplicate');
    await send();
    await held;
    await late.stop('SIGKILL');
    const other = await stack.startWorker();
    await readModel.caughtUp();
    expect(await isSame()).toBe(true);
    relay.release();
    // The engine does what the projector asks one after the other: the last of these is behind the late insert.
    for (let time = 0; time < 20; time += 1) await readModel.count();
    await relay.cut();
    // Left running, it might take the events that the next call sends to its own late worker.
    await other.stop();
  }

  test('inserts without a token: one that comes late counts its events twice', async () => {
    await lateInsert({});
    expect(await isSame()).toBe(true);
    await stack.query('DELETE FROM events');
    await readModel.client.command({ query: 'TRUNCATE TABLE events' });
    await lateInsert({ NODE_OPTIONS: BROKEN, BROKEN: 'without a token' });
    expect(await isSame()).toBe(false);
    expect(await readModel.count()).toBe(2 * EVENTS);
  });

  test.each([
    ['as it is', {}, true],
    ['that deletes the outbox row before it sends', { BROKEN: 'outbox first' }, false],
  ])('a worker %s dies as it sends', async (_name, broken, isKept) => {
    const options = isKept ? CRASHING : `${BROKEN} ${CRASHING}`;
    const worker = await stack.startWorker({ NODE_OPTIONS: options, CRASH_AT: 'before-copy', ...broken });
    await until(() => /read model is ready/.test(worker.text), 'the read model');
    await send();
    expect(await worker.ended()).toBe('SIGKILL');
    await stack.startWorker();
    await readModel.caughtUp();
    expect(await isSame()).toBe(isKept);
    expect(await readModel.count()).toBe(isKept ? EVENTS : 0);
  });

  test('a live copy that derives other values than a rebuild', async () => {
    await stack.startWorker({ NODE_OPTIONS: BROKEN, BROKEN: 'another derivation' });
    await send();
    await readModel.caughtUp();
    expect(await isSame()).toBe(false);
    const audit = ServerProcess.start('audit-counts', stack.variables, ['--deep']);
    await audit.ended();
    const found = audit.text.split('\n').filter((line) => line.endsWith(': differs in title'));
    expect(found).toHaveLength(EVENTS);
  });
});
