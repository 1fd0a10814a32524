import { encodeEnvelope } from '../src/events/envelope.js';
import { formatUuid, uuidV7 } from '../src/events/event-id.js';
import { encodeReplayOrder } from '../src/events/replay-order.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { call, registerApp, signIn, type Signed } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { countNaively, storedCounts } from './support/naive-counts.js';
import { ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const COUNT = 450;

describe('dead letters', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    await stack.query(`ALTER TABLE events ADD CONSTRAINT storable CHECK (event <> 'poison')`);
  });
  afterAll(() => stack?.stop());

  const path = (id = app.id) => `${stack.url}/api/apps/${id}/dead-letters`;
  const get = async (query = '') => (await call(`${path()}${query}`, { token: ann.accessToken })).body;
  const replay = (body: object = {}, id = app.id) => call(`${path(id)}/replay`, { token: ann.accessToken, body });
  const letters = async (): Promise<number> =>
    Number((await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM dead_letters'))[0]!.n);

  /** Events that MySQL refuses until the constraint is gone. */
  let poison: AcceptedEvent[];

  test('contract §4.4: what MySQL will not take is listed with its reason, page by page', async () => {
    poison = Array.from({ length: COUNT }, (_none, i) =>
      acceptedEvent({
        appId: app.id.replaceAll('-', ''),
        eventId: `poison ${i}`,
        event: 'poison',
        userValue: `${i % 9}`,
      }),
    );
    await stack.push(
      0,
      ...poison.map(encodeEnvelope),
      encodeEnvelope({ ...poison[0]!, event: 'fine', id: '0'.repeat(32) }),
    );
    await stack.drained();
    expect(await letters()).toBe(COUNT);
    const first = await get('?limit=200');
    const second = await get(`?limit=200&cursor=${first.nextCursor}`);
    const third = await get(`?limit=200&cursor=${second.nextCursor}`);
    expect([first.data.length, second.data.length, third.data.length, third.nextCursor]).toEqual([200, 200, 50, null]);
    const all = [...first.data, ...second.data, ...third.data];
    expect(new Set(all.map(({ id }) => id)).size).toBe(COUNT);
    expect(all[0]).toMatchObject({ code: 'unstorable', event: 'poison', reason: expect.stringContaining('storable') });
    expect((await get('?code=id_conflict')).data).toEqual([]);
    const command = ServerProcess.start('dead-letters', stack.variables, ['list', '--limit', '2']);
    expect(await command.ended()).toBe(0);
    expect(command.text.match(/unstorable {2}poison/g)).toHaveLength(2);
  });

  test('nobody else sees them, replays them, or has them replayed by id', async () => {
    const bob = await signIn(stack.url, 'bob@example.test');
    const own = await registerApp(stack.url, bob);
    const [{ id }] = (await get('?limit=1')).data;
    expect((await call(path(), { token: bob.accessToken })).status).toBe(404);
    expect((await call(`${path()}/replay`, { token: bob.accessToken, body: {} })).status).toBe(404);
    expect((await call(`${path(own.id)}/replay`, { token: bob.accessToken, body: { ids: [id] } })).body).toEqual({
      replayed: 0,
    });
    expect((await call(path(), { key: app.apiKey })).status).toBe(401);
  });

  test('replayed while the cause is still there, they are dead letters again, each once', async () => {
    expect((await replay()).body).toEqual({ replayed: COUNT });
    await stack.drained();
    expect(await letters()).toBe(COUNT);
  });

  test('none are replayed into a Redis that has little memory left', async () => {
    const used = Number(/used_memory:(\d+)/.exec(await stack.redis.info('memory'))![1]);
    await stack.redis.config('SET', 'maxmemory', String(Math.floor(used * 1.1)));
    const { status, body } = await replay();
    await stack.redis.config('SET', 'maxmemory', '0');
    expect([status, body.code]).toEqual([503, 'buffer_full']);
    await stack.drained();
    expect(await letters()).toBe(COUNT);
  });

  test('replayed after the cause is gone, each is counted once, however often it is replayed, and its letter is gone', async () => {
    await stack.query('ALTER TABLE events DROP CONSTRAINT storable');
    const [{ id }] = (await get('?limit=1')).data;
    expect((await replay({ ids: [id] })).body).toEqual({ replayed: 1 });
    await stack.drained();
    expect(await letters()).toBe(COUNT - 1);
    await stack.workers[0]!.stop();
    for (const body of [{ code: 'unstorable' }, {}]) expect((await replay(body)).status).toBe(202);
    const command = ServerProcess.start('dead-letters', stack.variables, ['replay', '--app', app.id]);
    expect(await command.ended()).toBe(0);
    expect(command.text).toContain(`${COUNT - 1} put into the buffer again`);
    await stack.startWorker({ CHUNK_MAX_EVENTS: '77' });
    await stack.startWorker({ CHUNK_MAX_EVENTS: '31' });
    await stack.drained();
    expect(await letters()).toBe(0);
    const counts = await storedCounts(stack);
    const expected = countNaively([...poison, { ...poison[0]!, event: 'fine', id: '0'.repeat(32) }]);
    expect(counts).toEqual(expected);
  });

  test('one replay of an app at a time, and none while the buffer is full', async () => {
    const key = stack.keys.replay(app.id.replaceAll('-', ''));
    await stack.redis.set(key, '1');
    const { status, body } = await replay();
    expect([status, body.code]).toEqual([409, 'replay_under_way']);
    await stack.redis.del(key);
    const narrow = await stack.startApi({ BUFFER_MAX_BYTES: String(1024 ** 2) });
    await Promise.all(stack.workers.splice(0).map((worker) => worker.stop()));
    const some = acceptedEvent({ appId: app.id.replaceAll('-', ''), eventId: 'some' });
    const letter = JSON.stringify({ ...JSON.parse(encodeEnvelope(some)), v: 99 });
    const drain = await stack.startWorker();
    await stack.push(0, letter);
    await stack.drained();
    expect(await letters()).toBe(1);
    await drain.stop();
    const large = JSON.stringify({ text: 'x'.repeat(30_000) });
    await stack.push(0, ...Array.from({ length: 40 }, () => encodeEnvelope({ ...some, metadata: large })));
    const full = await call(`${narrow.url}/api/apps/${app.id}/dead-letters/replay`, {
      token: ann.accessToken,
      body: {},
    });
    expect([full.status, full.body.code]).toEqual([503, 'buffer_full']);
    expect(await stack.redis.exists(key)).toBe(0);
    await stack.startWorker();
    await stack.drained();
  });

  test('the receipt of an event that a newer version accepted says that it is parked', async () => {
    const [row] = await stack.query<{ id: string }>('SELECT LOWER(HEX(stored_id)) AS id FROM dead_letters');
    const id = formatUuid(row!.id);
    await stack.query("DELETE FROM events WHERE event_id = 'some'");
    const receipt = await call(`${stack.url}/api/analytics/events/${id}/receipt`, { token: ann.accessToken });
    expect(receipt.body).toMatchObject({ status: 'dead_letter', code: 'envelope_version', id });
    await stack.query('DELETE FROM dead_letters');
  });

  test('letters of a person who is being erased are not put into the buffer again', async () => {
    const appId = app.id.replaceAll('-', '');
    await Promise.all(stack.workers.splice(0).map((worker) => worker.stop()));
    const [erased, stays] = ['erased', 'stays'].map((userValue) =>
      acceptedEvent({ appId, userValue, eventId: userValue }),
    );
    for (const event of [erased!, stays!]) {
      await stack.query(
        `INSERT INTO dead_letters (id, content_hash, app_id, code, reason, envelope, batch_id, created_at)
         VALUES (?, ?, ?, 'unstorable', 'test', ?, ?, NOW(3))`,
        [
          ...[uuidV7(Date.now()), event.id, appId].map((hex) => Buffer.from(hex, 'hex')),
          ...[encodeEnvelope(event), Buffer.alloc(16)],
        ],
      );
    }
    const order = await call(`${stack.url}/api/apps/${app.id}/users/erased`, {
      token: ann.accessToken,
      method: 'DELETE',
    });
    expect(order.status).toBe(202);
    expect((await replay()).body).toEqual({ replayed: 1 });
    expect((await stack.waiting()).map((entry) => JSON.parse(JSON.parse(entry).w).u)).toEqual(['stays']);
    // The same person again: the same erasure, begun anew.
    const again = await call(`${stack.url}/api/apps/${app.id}/users/erased`, {
      token: ann.accessToken,
      method: 'DELETE',
    });
    expect(again.body.erasureId).toBe(order.body.erasureId);
    expect(Date.parse(again.body.requestedAt)).toBeGreaterThan(Date.parse(order.body.requestedAt));
    await stack.startWorker();
    await until(
      async () => {
        const { body } = await call(`${stack.url}/api/erasures/${order.body.erasureId}`, { token: ann.accessToken });
        return body.stage === 'done';
      },
      'the erasure',
      30_000,
    );
    expect(await letters()).toBe(0);
    expect(await stack.query("SELECT user_id FROM events WHERE user_id IN ('erased', 'stays')")).toHaveLength(1);
  });

  test('an order for a letter that is not there any more (replayed or erased meanwhile) stores nothing', async () => {
    const gone = acceptedEvent({ appId: app.id.replaceAll('-', ''), event: 'erased' });
    await stack.push(2, encodeReplayOrder(uuidV7(Date.now()), encodeEnvelope(gone), Date.now()));
    await stack.drained();
    expect(await stack.query("SELECT id FROM events WHERE event = 'erased'")).toEqual([]);
    expect(await letters()).toBe(0);
  });

  test('a letter whose conflict stays is left alone unless it is named', async () => {
    const event = acceptedEvent({ appId: app.id.replaceAll('-', ''), eventId: 'twin' });
    const twin = { ...event, payloadHash: 'f'.repeat(16) };
    await stack.push(1, encodeEnvelope(event), encodeEnvelope(twin));
    await stack.drained();
    expect((await replay()).body).toEqual({ replayed: 0 });
    expect((await replay({ code: 'id_conflict' })).body).toEqual({ replayed: 1 });
    await stack.drained();
    expect((await get()).data).toEqual([expect.objectContaining({ code: 'id_conflict' })]);
  });

  test('a wrong call is told how it is called', async () => {
    const command = ServerProcess.start('dead-letters', stack.variables, ['bury']);
    expect(await command.ended()).toBe(1);
    expect(command.text).toContain('npm run dead-letters -- list');
    expect((await replay({ ids: ['nonsense'] })).body.errors[0].field).toBe('ids');
  });
});
