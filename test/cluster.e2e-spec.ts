import { type ClickHouseClient, SettingsMap } from '@clickhouse/client';
import { createLogger } from '../src/common/logger.js';
import { userKey } from '../src/events/distinct-user.js';
import { APP_TABLES, ARCHIVED_USERS, EVENT_TABLES, EVENTS, NEXT_EVENTS } from '../src/read-model/copy-targets.js';
import { conditions } from '../src/read-model/deletions/conditions.js';
import { ReadModelDeletions } from '../src/read-model/deletions/read-model-deletions.js';
import { ReadModelStore } from '../src/read-model/read-model-store.js';
import { probeDeduplication } from '../src/read-model/schema/deduplication.js';
import { migrateReadModel, OtherTopologyError } from '../src/read-model/schema/schema.js';
import { KEY_TABLES, type KeyTable } from '../src/read-model/schema/migrations.js';
import { uint128Field } from '../src/read-model/schema/tab-separated.js';
import type { Topology } from '../src/read-model/schema/topology.js';
import { topologyOf } from '../src/read-model/schema/topology-of.js';
import { TestEngine } from './support/engine.js';
import { CLUSTER, configureCluster, withoutKeeper } from './support/one-shard.js';

const DATABASE = 'tallystone';
const RUN = '11111111-2222-3333-4444-555555555555';
const KEYS = Object.keys(KEY_TABLES) as KeyTable[];
const CONDITIONS = conditions(DATABASE, RUN);
const EXPIRED = CONDITIONS.expired({ lowestKept: '7', future: '9' });

/** Every statement of a form, once, with the conditions that deletions have. */
function statements(topology: Topology): string[] {
  const { countServers, catchUp, barrier } = topology;
  if (countServers === undefined || !catchUp || barrier === undefined) throw new Error('No statements of a cluster');
  return [
    ...[countServers, barrier, topology.createDatabase, topology.exchange, topology.killUnfinished],
    ...topology.migrations.flatMap((migration) => migration.statements),
    ...[...topology.createOwnTables, ...topology.makeProbe, ...topology.dropProbe],
    ...[...topology.makeNext, ...topology.dropNext, ...topology.empty, ...topology.emptyKeys],
    ...KEYS.map((table) => `INSERT INTO ${topology.keyTable(table)} FORMAT TabSeparated`),
    ...EVENT_TABLES.flatMap((table) => [
      catchUp.call(topology, table),
      topology.searchParts(table, CONDITIONS.erased).found,
      topology.searchParts(table, CONDITIONS.named).found,
      topology.searchParts(table, EXPIRED).found,
      topology.mutation(
        table,
        `DELETE WHERE ${CONDITIONS.erased}, UPDATE alias_key = toUInt128(0) WHERE ${CONDITIONS.named}`,
      ),
      topology.mutation(table, `DELETE WHERE ${EXPIRED}`, 'mutations_sync = 0'),
    ]),
    topology.mutation(ARCHIVED_USERS, `DELETE WHERE ${CONDITIONS.archived}`, 'mutations_sync = 0'),
    topology.searchParts(ARCHIVED_USERS, CONDITIONS.archived).found,
    ...APP_TABLES.flatMap((table) => [
      topology.idOf(table),
      topology.mutations(table, RUN),
      topology.oldParts(table),
      topology.detachedParts(table),
    ]),
  ];
}

describe('a cluster', () => {
  const engine = new TestEngine();
  let client: ClickHouseClient;
  let store: ReadModelStore;
  let ofOneServer: ReadModelStore;
  beforeAll(async () => {
    configureCluster(engine.folder);
    await engine.start();
    client = engine.client('copying');
    const { origin, username: user, password } = new URL(engine.urls.CLICKHOUSE_COPY_URL);
    const account = { user, password };
    const address = { url: origin, database: DATABASE, questions: account, copying: account };
    ofOneServer = new ReadModelStore(address, 60_000);
    store = new ReadModelStore({ ...address, cluster: CLUSTER }, 60_000);
  });
  afterAll(async () => {
    await client?.close();
    await store?.close();
    await ofOneServer?.close();
    await engine.end();
  });

  const parsed = async (text: string): Promise<string> => {
    const answer = await client.query({ query: `EXPLAIN AST ${text}`, format: 'TabSeparated' });
    return answer.text();
  };

  describe('as ClickHouse reads its statements', () => {
    const all = statements(topologyOf({ database: DATABASE, cluster: CLUSTER }));
    const named = all.map((text): [name: string, text: string] => [text.replaceAll(/\s+/g, ' ').slice(0, 120), text]);

    test.each(named)('%s', async (_name, text) => {
      expect(await parsed(text)).toMatch(
        /^(SelectWithUnion|Create|Drop|Truncate|Alter|Insert|KillQuery|SYSTEM |Rename)\w*/,
      );
    });

    test.each(named)('and not where it is broken: %s', async (_name, text) => {
      // A number in place of the cluster's name, or a parenthesis too many.
      const broken = text.includes('`') ? text.replace(/`[\w-]+`/, '1') : text.replace(/\(|$/, '((');
      await expect(parsed(broken)).rejects.toMatchObject({ code: '62' });
    });
  });

  describe('with one shard and without replication', () => {
    const APP = 'a'.repeat(32);
    const [GONE, STAYS] = ['gone', 'stays'].map((name) => userKey('user', name).toString('hex'));
    const deletions = (): ReadModelDeletions =>
      new ReadModelDeletions(store, createLogger({ logLevel: 'silent' }, 'worker'));
    const noop = (): Promise<void> => Promise.resolve();
    const users = async (table: string): Promise<string[]> => {
      const rows = await store.ask<{ key: string }>(
        `SELECT DISTINCT lower(hex(user_key)) AS key FROM ${table} ORDER BY key`,
      );
      return rows.map(({ key }) => key.padStart(32, '0'));
    };
    const insert = (table: string, token: string): Promise<void> =>
      store.insertLines(
        table,
        ['app_id', 'occurred_at', 'received_at', 'user_key', 'id', 'batch_id'],
        [GONE!, STAYS!].map((key, id) => {
          const fields = [
            'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa',
            '1750000000.000',
            '1750000000.000',
            uint128Field(key),
          ];
          return `${[...fields, String(id + 1), '5'].join('\t')}\n`;
        }),
        token,
      );
    beforeAll(async () => {
      Object.assign(store, { topology: withoutKeeper(store.topology) });
      await store.createDatabase();
      await store.run(store.topology.createOwnTables);
      for (const migration of store.topology.migrations) {
        await store.run(migration.statements);
        await store.insertOwn('INSERT INTO migrations (name) SELECT {name:String}', { name: migration.name });
      }
    });

    test('has servers that can be counted', async () => {
      expect(await store.countServers()).toEqual({ servers: 1, replicas: 1 });
    });

    test('is refused by an installation without CLICKHOUSE_CLUSTER', async () => {
      const nobodysLock = undefined as never;
      await expect(migrateReadModel(nobodysLock, ofOneServer, noop)).rejects.toThrow(OtherTopologyError);
    });

    test('a token reaches the shard, so that rows that are sent twice count once', async () => {
      await expect(probeDeduplication(store)).resolves.toBeUndefined();
      for (let time = 0; time < 2; time += 1) await insert(EVENTS, 'first');
      expect(await store.ask('SELECT toString(count()) AS n FROM events')).toEqual([{ n: '2' }]);
      expect(await store.ask('SELECT toString(count()) AS n FROM events_local')).toEqual([{ n: '2' }]);
      expect(await store.eventsOfBatches(EVENTS, ['5'.padStart(32, '0')])).toHaveLength(2);
    });

    test('a question sees rows of the asked apps alone, in subqueries as well', async () => {
      const count = async (app: string): Promise<unknown> => {
        const answer = await client.query({
          query: 'SELECT toString(count()) AS n FROM events WHERE id IN (SELECT id FROM events) OR 1 = 1',
          format: 'JSONEachRow',
          clickhouse_settings: {
            ...store.topology.settings,
            additional_table_filters: SettingsMap.from({ events: `app_id IN (\\'${app}\\')` }),
          },
        });
        return (await answer.json<{ n: string }>())[0]!.n;
      };
      expect(await count('aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa')).toBe('2');
      expect(await count('bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb')).toBe('0');
    });

    test.each(KEYS)('keys reach a server by its number: %s', async (table) => {
      const target = topologyOf({ database: DATABASE, cluster: CLUSTER }).keyTable(table);
      const columns = await store.ask<{ name: string }>(
        'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position',
        { table },
      );
      const row = columns.map(({ name }) => (name === 'run' || name === 'app' ? `toUUID('${RUN}')` : '1')).join(', ');
      const insertAt = (server: number): Promise<unknown> =>
        client.command({ query: `INSERT INTO ${target} SETTINGS insert_shard_id = ${server} SELECT ${row}` });
      await insertAt(1);
      const [total] = await store.ask<{ n: string }>(
        'SELECT toString(total_rows) AS n FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
        { table },
      );
      expect(total).toEqual({ n: '1' });
      await expect(insertAt(2)).rejects.toMatchObject({ type: 'INVALID_SHARD_ID' });
    });

    test('a person is erased, and others stay', async () => {
      await deletions().erase([{ appId: APP, userKeys: [GONE!], receivedUntil: Date.now() }], [], noop);
      expect(await users(EVENTS)).toEqual([STAYS]);
      const [{ n }] = (await store.ask<{ n: string }>('SELECT toString(count()) AS n FROM deleting_apps')) as [
        { n: string },
      ];
      expect(n).toBe('0');
    });

    test('a second table takes the place of the first, once', async () => {
      const id = await store.makeNext();
      for (let time = 0; time < 2; time += 1) await insert(NEXT_EVENTS, 'next');
      expect(await store.idOf(NEXT_EVENTS)).toBe(id);
      for (let time = 0; time < 2; time += 1) await store.exchange(id);
      expect(await store.idOf(EVENTS)).toBe(id);
      expect(await users(EVENTS)).toEqual([GONE, STAYS].sort());
      expect(await users(NEXT_EVENTS)).toEqual([STAYS]);
      await store.dropNext();
      expect(await store.idOf(NEXT_EVENTS)).toBeUndefined();
    });

    test('what has expired is deleted and counted', async () => {
      const before = { appId: APP, before: Date.now(), receivedBefore: Date.now() };
      expect(await deletions().expire([before], Date.now(), noop)).toBe(2);
      expect(await users(EVENTS)).toEqual([]);
    });

    test('archived users are sent any number of times, deleted, and sent again', async () => {
      const rows = [GONE!, STAYS!].map((key, place) => [
        ...['aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa', '20000', 'page_view'],
        ...[uint128Field(key), String(place + 1), '0'],
      ]);
      const count = async (): Promise<unknown> =>
        (await store.ask<{ n: string }>('SELECT toString(count()) AS n FROM archived_users FINAL'))[0]!.n;
      for (let time = 0; time < 2; time += 1) await store.insertFields(ARCHIVED_USERS, rows);
      expect(await count()).toBe('2');
      await deletions().erase([{ appId: APP, userKeys: [GONE!], receivedUntil: Date.now() }], [], noop);
      expect(await count()).toBe('1');
      await store.insertFields(ARCHIVED_USERS, rows);
      expect(await count()).toBe('2');
      await store.empty();
      expect(await count()).toBe('0');
    });
  });
});
