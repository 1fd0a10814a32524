import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userKeysOf } from '../../src/events/person.js';
import { call, registerApp, signIn, type Signed } from '../support/client.js';
import { ReadModel } from '../support/read-model.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

/** Look like nothing else, so that finding one anywhere means that it is there. */
const PERSON = 'erase-me-93ab1f';
const THEIR_KEY = 'only-theirs-8c1f';
const APP_KEY = 'only-that-app-77d0';

describe('erasing from the copy in ClickHouse', () => {
  let stack: Stack;
  let readModel: ReadModel;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    stack = await startStack({ engine: 'own' });
    readModel = new ReadModel(stack);
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    await until(() => /read model is ready/.test(stack.workers[0]!.text), 'the read model');
    await withoutCompression();
  });
  afterAll(async () => {
    stack?.engine.process.child.kill('SIGCONT');
    await readModel?.close();
    await stack?.stop();
  });

  /** So that whatever is stored can be found in the files as it is. */
  const withoutCompression = async (): Promise<void> => {
    const columns = await readModel.client.query({
      query: `SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'events'`,
      format: 'JSONEachRow',
    });
    const changes = (await columns.json<{ name: string; type: string }>()).map(
      ({ name, type }) => `MODIFY COLUMN ${name} ${type} CODEC(NONE)`,
    );
    await readModel.client.command({ query: `ALTER TABLE events ${changes.join(', ')}` });
  };
  const send = async (to: { apiKey: string }, ...events: object[]): Promise<void> => {
    const { status } = await call(`${stack.url}/collect/batch`, { key: to.apiKey, body: { events } });
    expect(status).toBe(202);
  };
  const order = async (path: string): Promise<string> => {
    const { status, body } = await call(`${stack.url}/api/apps/${path}`, { token: ann.accessToken, method: 'DELETE' });
    expect(status).toBe(202);
    return body.erasureId as string;
  };
  const orderPerson = (person: string): Promise<string> => order(`${app.id}/users/${encodeURIComponent(person)}`);
  const erasure = async (id: string) =>
    (await call(`${stack.url}/api/erasures/${id}`, { token: ann.accessToken })).body as {
      stage: string;
      redisFile: string | null;
    };
  const done = (...ids: string[]): Promise<unknown> =>
    until(
      async () => (await Promise.all(ids.map(erasure))).every(({ stage }) => stage === 'done'),
      'the erasures',
      60_000,
    );
  const same = async (): Promise<void> => {
    await readModel.caughtUp();
    expect(await readModel.rows()).toEqual(await readModel.expected());
  };
  /** Which of the texts and numbers some file of ClickHouse's folder holds. */
  const found = (named: Record<string, Buffer>): string[] => {
    const files = readdirSync(stack.engine.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    return Object.keys(named).filter((name) => files.some((file) => file.includes(named[name]!)));
  };
  const tracesOf = (person: string, metadataKey: string): Record<string, Buffer> => {
    const keys = userKeysOf(person).flatMap((key, i): [string, Buffer][] => [
      [`key ${i} in hex`, Buffer.from(key)],
      [`key ${i} in capital hex`, Buffer.from(key.toUpperCase())],
      [`key ${i} as a decimal number`, Buffer.from(BigInt(`0x${key}`).toString())],
      [`key ${i}, highest byte first`, Buffer.from(key, 'hex')],
      [`key ${i}, lowest byte first`, Buffer.from(key, 'hex').reverse()],
    ]);
    return { 'the id': Buffer.from(person), 'a metadata key': Buffer.from(metadataKey), ...Object.fromEntries(keys) };
  };

  test('no file holds a person who was erased: no id, no key, no metadata; others lose only the key beside theirs', async () => {
    const traces = tracesOf(PERSON, THEIR_KEY);
    const at = (i: number): string => new Date(Date.now() - i * 20 * 86_400_000).toISOString();
    const theirs = Array.from({ length: 40 }, (_none, i) => ({
      event: 'view',
      ...(i % 4 === 0 ? { anonymousId: PERSON } : { userId: PERSON }),
      url: `https://shop.example/account/${PERSON}`,
      metadata: { [THEIR_KEY]: i },
      timestamp: at(i % 10),
    }));
    const others = Array.from({ length: 60 }, (_none, i) => ({
      event: 'view',
      userId: `other ${i % 6}`,
      metadata: { shared: i },
      timestamp: at(i % 10),
    }));
    const beside = { event: 'sign in', userId: 'other 1', anonymousId: PERSON, metadata: { kept: true } };
    // In several parts, of which some are merged.
    for (let from = 0; from < theirs.length; from += 10) {
      await send(app, ...theirs.slice(from, from + 10), ...others.slice(from, from + 10));
      await readModel.caughtUp();
    }
    await send(app, ...others.slice(40), beside);
    await same();
    expect(found(traces)).toEqual(
      expect.arrayContaining(['the id', 'a metadata key', 'key 0, lowest byte first', 'key 1, lowest byte first']),
    );
    await done(await orderPerson(PERSON));
    expect(found(traces)).toEqual([]);
    await same();
    expect(await readModel.count()).toBe(61);
    const [row] = (await readModel.rows()).filter(({ event }) => event === 'sign in');
    expect(row).toMatchObject({ metadata: '{"kept":true}', aliasKey: '0'.repeat(32) });
  });

  test('parts that ClickHouse has put aside are searched for nobody: they go', async () => {
    await send(app, { event: 'aside', userId: 'aside-51c2', metadata: { 'aside-51c2': 1 } });
    await readModel.caughtUp();
    const month = new Date().toISOString().slice(0, 7).replace('-', '');
    await readModel.client.command({ query: `ALTER TABLE events DETACH PARTITION ID '${month}'` });
    await stack.query("DELETE FROM events WHERE occurred_at >= DATE_FORMAT(NOW(), '%Y-%m-01')");
    expect(found(tracesOf('aside-51c2', 'aside-51c2'))).toContain('a metadata key');
    await done(await orderPerson('aside-51c2'));
    expect(found(tracesOf('aside-51c2', 'aside-51c2'))).toEqual([]);
    await same();
  });

  test('while ClickHouse does not answer, all else of an order is done, and what is received later stays', async () => {
    const people = ['waiting 1', 'waiting 2'];
    await send(app, ...people.map((userId) => ({ event: 'before', userId })), { event: 'before', userId: 'stays' });
    await readModel.caughtUp();
    stack.engine.process.child.kill('SIGSTOP');
    const orders = await Promise.all(people.map(orderPerson));
    await until(
      async () => (await Promise.all(orders.map(erasure))).every(({ stage }) => stage === 'read-model'),
      'everything but ClickHouse',
    );
    expect(await erasure(orders[0]!)).toMatchObject({ finishedAt: null, redisFile: expect.any(String) });
    const left = "SELECT 1 FROM events WHERE event = 'before'";
    expect(await stack.query(left)).toHaveLength(1);
    await send(app, { event: 'after', userId: people[0] }, { event: 'after', userId: 'x', anonymousId: people[0] });
    await stack.committed();
    expect((await erasure(orders[0]!)).stage).toBe('read-model');
    stack.engine.process.child.kill('SIGCONT');
    await done(...orders);
    await same();
    const rows = (await readModel.rows()).filter(({ event }) => event === 'before' || event === 'after');
    expect(rows.map(({ event }) => event).sort()).toEqual(['after', 'after', 'before']);
    expect(rows.filter(({ aliasKey }) => /[^0]/.test(aliasKey))).toHaveLength(1);
  });

  test('no file holds an app that was deleted, and other apps keep what they have', async () => {
    const other = await registerApp(stack.url, ann);
    const events = Array.from({ length: 50 }, (_none, i) => ({
      event: 'view',
      userId: `u${i % 5}`,
      metadata: { [APP_KEY]: i },
      timestamp: new Date(Date.now() - i * 10 * 86_400_000).toISOString(),
    }));
    await send(other, ...events);
    await same();
    const before = await readModel.count();
    expect(found({ key: Buffer.from(APP_KEY) })).toEqual(['key']);
    await done(await order(other.id));
    expect(found({ key: Buffer.from(APP_KEY), id: Buffer.from(other.id) })).toEqual([]);
    await same();
    expect(await readModel.count()).toBe(before - 50);
  });

  test('an engine that is killed while it deletes: the erasure is carried out when it is back', async () => {
    const person = 'killed-2b9e';
    const traces = tracesOf(person, 'killed-2b9e');
    await send(
      app,
      ...Array.from({ length: 100 }, (_none, i) => ({
        event: 'view',
        userId: i % 2 ? person : 'other',
        metadata: i % 2 ? { [person]: i } : {},
        timestamp: new Date(Date.now() - i * 10 * 86_400_000).toISOString(),
      })),
    );
    await readModel.caughtUp();
    expect(found(traces)).toContain('a metadata key');
    // The text of a mutation is in a file as soon as it has begun.
    const [table] = await (
      await readModel.client.query({
        query: `SELECT data_paths[1] AS path FROM system.tables WHERE database = currentDatabase() AND name = 'events'`,
        format: 'JSONEachRow',
      })
    ).json<{ path: string }>();
    const mutations = (): number => readdirSync(table!.path).filter((name) => name.startsWith('mutation_')).length;
    const before = mutations();
    const id = await orderPerson(person);
    await until(() => mutations() > before, 'the mutation to begin');
    await stack.engine.process.stop('SIGKILL');
    expect((await erasure(id)).stage).toBe('read-model');
    await stack.engine.start();
    await done(id);
    expect(found(traces)).toEqual([]);
    await same();
  });
});
