import type { ClickHouseClient } from '@clickhouse/client';
import { encodeEnvelope } from '../../src/events/envelope.js';
import { call, registerApp, signIn, type Signed } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { ReadModel } from '../support/read-model.js';
import { Relay } from '../support/relay.js';
import type { ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

/** A tenth of the true one: what was left is taken over after 2 s. */
const TIMES = { COPY_TIMEOUT_MS: '1500', LOCK_WAIT_TIMEOUT_S: '1', CLAIM_LEASE_MS: '3000' };

describe('the copy in ClickHouse under faults', () => {
  let stack: Stack;
  let readModel: ReadModel;
  let owner: Signed;
  let app: { id: string; apiKey: string };
  let appId: string;
  let sent = 0;
  const relays: Relay[] = [];
  const relayTo = async (target: Parameters<typeof Relay.to>[0]): Promise<Relay> => {
    const relay = await Relay.to(target);
    relays.push(relay);
    return relay;
  };
  beforeAll(async () => {
    stack = await startStack({ workers: 0, engine: 'own', env: TIMES });
    readModel = new ReadModel(stack);
    owner = await signIn(stack.url);
    app = await registerApp(stack.url, owner);
    appId = app.id.replaceAll('-', '');
  });
  afterEach(async () => {
    for (const relay of relays.splice(0)) await relay.cut();
    for (const worker of stack.workers.splice(0)) {
      worker.child.kill('SIGCONT');
      await worker.stop();
    }
  });
  afterAll(async () => {
    await readModel?.close();
    await stack?.stop();
  });

  const send = async (count: number, more: Record<string, unknown> = {}): Promise<void> => {
    const events = Array.from({ length: count }, () => ({
      event: 'tick',
      userId: `u${(sent += 1) % 5}`,
      metadata: { sent },
      ...more,
    }));
    const { status } = await call(`${stack.url}/collect/batch`, { key: app.apiKey, body: { events } });
    expect(status).toBe(202);
  };
  const committed = async (): Promise<number> => {
    const [row] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events');
    return Number(row!.n);
  };
  const copiedOnce = async (): Promise<void> => {
    await readModel.caughtUp();
    expect(await readModel.rows()).toEqual(await readModel.expected());
    expect(await readModel.count()).toBe(await committed());
  };
  /** A worker that reaches one of its services by a relay. */
  const relayed = async (variable: string, relay: Relay, more: Record<string, string> = {}): Promise<ServerProcess> => {
    const env = Object.fromEntries(
      Object.entries(stack.variables).flatMap(([name, value]) => {
        if (!name.startsWith(variable)) return [];
        const url = new URL(value);
        url.hostname = '127.0.0.1';
        url.port = String(relay.port);
        return [[name, url.href]];
      }),
    );
    return stack.startWorker({ ...env, ...more });
  };
  const engineAddress = () => {
    const { hostname: host, port } = new URL(stack.variables.CLICKHOUSE_URL!);
    return { host, port: Number(port) };
  };
  const mysqlAddress = () => {
    const { hostname: host, port } = new URL(stack.variables.DATABASE_URL!);
    const { socketPath } = stack.env.database as { socketPath?: string };
    return socketPath ? { path: socketPath } : { host, port: Number(port) };
  };
  const mysqlAt = ({ port }: Relay): string => {
    const { user, password, database } = stack.env.database;
    return `mysql://${user}:${password}@127.0.0.1:${port}/${database}`;
  };
  const client = (): ClickHouseClient => readModel.client;

  test('a commit whose outcome is unknown is copied once', async () => {
    const relay = await relayTo(mysqlAddress());
    await stack.startWorker({ DATABASE_URL: mysqlAt(relay), MYSQL_TIMEOUT_MS: '2000' });
    const lost = relay.silenceAt('INSERT INTO outbox', 'COMMIT', true);
    await send(50);
    await lost;
    await until(async () => (await committed()) === 50, 'the commit to arrive');
    await copiedOnce();
    expect(await readModel.count()).toBe(50);
  });

  test('what a worker commits before it knows whether ClickHouse is there, it copies as soon as it knows', async () => {
    const relay = await relayTo(engineAddress());
    const asked = relay.holdAt('/ping');
    // Nobody recovers what it leaves.
    await relayed('CLICKHOUSE', relay, { COPY_TIMEOUT_MS: '60000' });
    await asked;
    const before = await committed();
    await send(50);
    await until(async () => (await committed()) === before + 50, 'the commit');
    expect(await readModel.count()).toBe(before);
    relay.release();
    await copiedOnce();
  });

  test('a worker that is killed between commit and copy: another copies what it left', async () => {
    const relay = await relayTo(engineAddress());
    const worker = await relayed('CLICKHOUSE', relay);
    await stack.startWorker();
    await until(() => /read model is ready/.test(worker.text), 'the read model');
    const before = await committed();
    stack.workers.at(-1)!.child.kill('SIGSTOP');
    const held = relay.holdAt('insert_deduplication_token');
    await send(100);
    await held;
    await worker.stop('SIGKILL');
    stack.workers.at(-1)!.child.kill('SIGCONT');
    await copiedOnce();
    expect(await committed()).toBe(before + 100);
  });

  test('an insert that arrives after another worker has copied its batch changes nothing', async () => {
    const relay = await relayTo(engineAddress());
    const slow = await relayed('CLICKHOUSE', relay);
    await until(() => /read model is ready/.test(slow.text), 'the read model');
    const held = relay.holdAt('insert_deduplication_token');
    await send(30);
    await held;
    await stack.startWorker();
    await copiedOnce();
    relay.release();
    // Behind the late insert on the one lane for copies, so it is answered after it.
    for (let i = 0; i < 20; i += 1) expect(await readModel.count()).toBe(await committed());
    await send(10);
    await copiedOnce();
  });

  test('a worker that is frozen between commit and copy brings back nothing that was erased meanwhile', async () => {
    const relay = await relayTo(engineAddress());
    const frozen = await relayed('CLICKHOUSE', relay);
    await until(() => /read model is ready/.test(frozen.text), 'the read model');
    const month = new Date().toISOString().slice(0, 7).replace('-', '');
    const held = relay.holdAt('insert_deduplication_token');
    await send(40, { userId: 'gone' });
    await held;
    frozen.child.kill('SIGSTOP');
    await stack.startWorker();
    await copiedOnce();
    // The person is erased and the month dropped, by which ClickHouse forgets the token of the copy.
    await stack.query('DELETE FROM events');
    await client().command({ query: `ALTER TABLE events DROP PARTITION ID '${month}'` });
    expect(await readModel.count()).toBe(0);
    relay.release();
    await until(async () => (await readModel.count()) === 40, 'the late insert to arrive');
    frozen.child.kill('SIGCONT');
    await until(async () => (await readModel.count()) === 0, 'what came late to be deleted');
    await copiedOnce();
  });

  const erase = async (person: string): Promise<() => Promise<void>> => {
    const path = `${stack.url}/api/apps/${app.id}/users/${person}`;
    const { status, body } = await call(path, { token: owner.accessToken, method: 'DELETE' });
    expect(status).toBe(202);
    const stage = async () =>
      (await call(`${stack.url}/api/erasures/${body.erasureId}`, { token: owner.accessToken })).body.stage as string;
    return () => until(async () => (await stage()) === 'done', 'the erasure', 60_000);
  };

  test('a person is erased while a frozen worker holds their events, and other workers die at each stage', async () => {
    const relay = await relayTo(engineAddress());
    const frozen = await relayed('CLICKHOUSE', relay);
    await until(() => /read model is ready/.test(frozen.text), 'the read model');
    const held = relay.holdAt('insert_deduplication_token');
    await send(20, { userId: 'erased' });
    await send(20);
    await held;
    frozen.child.kill('SIGSTOP');
    const erased = await erase('erased');
    for (const CRASH_AT of ['after-read-model-stage', 'before-erased']) {
      const dying = await stack.startWorker({ NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT });
      expect(await dying.ended()).toBe('SIGKILL');
    }
    await stack.startWorker();
    await erased();
    await copiedOnce();
    frozen.child.kill('SIGCONT');
    relay.release();
    await send(10);
    await copiedOnce();
    expect(await stack.query("SELECT 1 FROM events WHERE user_id = 'erased'")).toEqual([]);
  });

  test('what is being sent while a person is erased: the erasure waits for it', async () => {
    const relay = await relayTo(engineAddress());
    const worker = await relayed('CLICKHOUSE', relay, { COPY_TIMEOUT_MS: '60000' });
    await until(() => /read model is ready/.test(worker.text), 'the read model');
    const held = relay.holdAt('insert_deduplication_token');
    await send(20, { userId: 'sending' });
    await held;
    const erased = await erase('sending');
    const { port } = worker.records.find((record) => record.msg === 'worker ready')!;
    const looks = async (): Promise<number> => {
      const { body } = await call(`http://127.0.0.1:${String(port)}/metrics`);
      return Number(
        /task_duration_seconds_count\{[^}]*"read-model-erasures"[^}]*\} (\d+)/.exec(String(body))?.[1] ?? 0,
      );
    };
    const waiting = "SELECT 1 FROM erasures WHERE stage = 'read-model'";
    await until(async () => (await stack.query(waiting)).length === 1, 'the last stage');
    const before = await looks();
    await until(async () => (await looks()) >= before + 4, 'the worker to look at it again');
    expect(await stack.query(waiting)).toHaveLength(1);
    relay.release();
    await erased();
    await copiedOnce();
  });

  test('what a dead worker has sent arrives after the person was erased: it goes again', async () => {
    const relay = await relayTo(engineAddress());
    const dead = await relayed('CLICKHOUSE', relay);
    await until(() => /read model is ready/.test(dead.text), 'the read model');
    const held = relay.holdAt('insert_deduplication_token');
    await send(30, { userId: 'late' });
    await held;
    await dead.stop('SIGKILL');
    await stack.startWorker();
    await copiedOnce();
    await (
      await erase('late')
    )();
    await copiedOnce();
    // The month is dropped, by which ClickHouse forgets the token of the copy; and a look is still to come.
    await stack.query('DELETE FROM events');
    const month = new Date().toISOString().slice(0, 7).replace('-', '');
    await client().command({ query: `ALTER TABLE events DROP PARTITION ID '${month}'` });
    await stack.query('UPDATE recovered_batches SET recovered_at = NOW(3), looks = 0');
    relay.release();
    await until(async () => (await readModel.count()) === 30, 'the late insert to arrive');
    await until(async () => (await readModel.count()) === 0, 'what came late to be deleted');
    await copiedOnce();
  });

  test('a copy that is sent when a rebuild begins, and answered when it has ended, is sent again', async () => {
    const mysql = await relayTo(mysqlAddress());
    const patient = { COPY_TIMEOUT_MS: '60000' };
    const slow = await stack.startWorker({ DATABASE_URL: mysqlAt(mysql), ...patient });
    await until(() => /read model is ready/.test(slow.text), 'the read model');
    await copiedOnce();
    const held = mysql.holdAt('DELETE FROM outbox');
    await send(30);
    await held;
    expect(await readModel.count()).toBe(await committed());
    // A rebuild waits for inserts that may come late, as of batches that earlier tests had recovered.
    await stack.query('DELETE FROM recovered_batches');
    await stack.query('UPDATE read_model SET rebuild_ordered = 1');
    await stack.startWorker(patient);
    const over = 'SELECT 1 FROM read_model WHERE rebuild_ordered = 0 AND rebuild_stage = 0';
    await until(async () => (await stack.query(over)).length === 1, 'the rebuild');
    expect(await readModel.count()).toBe((await committed()) - 30);
    mysql.release();
    await stack.startWorker();
    await copiedOnce();
  });

  test('the engine is killed under load and comes back: every event is copied once', async () => {
    await stack.startWorker();
    const before = await committed();
    for (let round = 0; round < 5; round += 1) {
      await send(200);
      if (round === 2) await stack.engine.process.stop('SIGKILL');
    }
    await stack.committed();
    await stack.engine.start();
    await copiedOnce();
    expect(await committed()).toBe(before + 1000);
  });

  test('what a long outage left is copied in inserts that ClickHouse takes, however large the events are', async () => {
    stack.engine.process.child.kill('SIGSTOP');
    await stack.startWorker();
    const before = await committed();
    const metadata = JSON.stringify({ text: 'x'.repeat(31 * 1024) });
    for (let round = 0; round < 11; round += 1) {
      await stack.push(0, ...Array.from({ length: 100 }, () => encodeEnvelope(acceptedEvent({ appId, metadata }))));
    }
    await stack.committed();
    expect(await committed()).toBe(before + 1100);
    stack.engine.process.child.kill('SIGCONT');
    await copiedOnce();
  });

  test('the engine is frozen: collect and the worker go on, and the copy catches up', async () => {
    await stack.startWorker();
    await copiedOnce();
    stack.engine.process.child.kill('SIGSTOP');
    const before = await committed();
    for (let round = 0; round < 3; round += 1) await send(100);
    await stack.committed();
    expect(await committed()).toBe(before + 300);
    stack.engine.process.child.kill('SIGCONT');
    await copiedOnce();
  });
});
