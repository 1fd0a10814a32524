import { createHash } from 'node:crypto';
import { APP_TABLES, EVENTS } from '../copy-targets.js';
import { READ_MODEL_MIGRATIONS } from './migrations.js';
import { ClusterUnusableError, ServerCounter, serverCount } from './server-count.js';
import { topologyOf } from './topology-of.js';

const single = topologyOf({ database: 'stats' });
const cluster = topologyOf({ database: 'stats', cluster: 'main-1' });
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

describe('one server', () => {
  test('has the tables of every installation so far, to the letter', () => {
    expect(single.migrations).toBe(READ_MODEL_MIGRATIONS);
    expect(READ_MODEL_MIGRATIONS.flatMap(({ statements }) => statements).map(digest)).toEqual([
      'f1163ac615fc4b1b',
      'ecc0d934d738cfb6',
      'f841790f2ea5eac2',
      'efc5399ac0d189da',
      '7d3f71c41b47d935',
      'db2ae1ea5bc214db',
    ]);
  });

  test('has statements without a cluster, a database or a setting', () => {
    expect(single.settings).toEqual({});
    expect(single.insertSettings({ servers: 1, replicas: 1 }, 1000)).toEqual({});
    expect(single.ownInsertSettings({ servers: 1, replicas: 1 })).toEqual({});
    expect(single.mutation('events', 'DELETE WHERE 1')).toBe('ALTER TABLE events DELETE WHERE 1');
    expect(single.mutation('events', 'DELETE WHERE 1', 'mutations_sync = 0')).toBe(
      'ALTER TABLE events DELETE WHERE 1 SETTINGS mutations_sync = 0',
    );
    expect(single.makeNext).toEqual(['CREATE TABLE events_next AS events']);
    expect(single.dropNext).toEqual(['DROP TABLE IF EXISTS events_next SYNC']);
    expect(single.exchange).toBe('EXCHANGE TABLES events AND events_next');
    expect(single.empty).toEqual(['TRUNCATE TABLE events', 'TRUNCATE TABLE archived_users']);
    expect(single.keyTable('deleting_people')).toBe('deleting_people');
    expect(single.parts!.drop('events', "a'b")).toBe("ALTER TABLE events DROP PART 'a\\'b'");
  });
});

describe('a cluster', () => {
  test('has the same migrations by name', () => {
    const names = (migrations: typeof READ_MODEL_MIGRATIONS): string[] => migrations.map(({ name }) => name);
    expect(names(cluster.migrations)).toEqual(names(READ_MODEL_MIGRATIONS));
  });

  test('names its database and itself wherever a table is made, changed or removed', () => {
    const { createOwnTables, migrations, makeNext, dropNext, makeProbe, dropProbe, empty, emptyKeys } = cluster;
    const made = [...createOwnTables, ...migrations.flatMap(({ statements }) => statements), ...makeNext, ...makeProbe];
    for (const text of made) expect(text).toMatch(/^CREATE TABLE IF NOT EXISTS stats\.\w+ ON CLUSTER `main-1`/);
    for (const text of [...dropNext, ...dropProbe]) expect(text).toMatch(/^DROP TABLE IF EXISTS stats\.\w+ ON CLUSTER/);
    for (const text of [...empty, ...emptyKeys])
      expect(text).toMatch(/^TRUNCATE TABLE stats\.\w+ ON CLUSTER `main-1`$/);
    expect(cluster.exchange).toBe('EXCHANGE TABLES stats.events_local AND stats.events_next_local ON CLUSTER `main-1`');
  });

  test('keeps rows in replicated tables, of which distributed tables are the sum', () => {
    const made = cluster.migrations.flatMap(({ statements }) => statements);
    const of = (table: string): string => made.find((text) => text.includes(` stats.${table} ON`))!;
    expect(of('events_local')).toMatch(
      /ENGINE = ReplicatedMergeTree\('\/clickhouse\/tables\/\{uuid\}\/\{shard\}', '\{replica\}'\)[^]* replicated_deduplication_window = 10000,/,
    );
    expect(of('archived_users_local')).toMatch(
      /ReplicatedAggregatingMergeTree[^]* replicated_deduplication_window = 0,/,
    );
    for (const table of ['events', 'archived_users']) {
      expect(of(table)).toBe(
        `CREATE TABLE IF NOT EXISTS stats.${table} ON CLUSTER \`main-1\` AS stats.${table}_local
ENGINE = Distributed('main-1', 'stats', '${table}_local', sipHash64(app_id, user_key))`,
      );
    }
    expect(made.join()).not.toMatch(/non_replicated/);
  });

  test('has every replica evaluate a mutation by itself: its text must hold no key', () => {
    expect(cluster.mutation('events', 'DELETE WHERE x', 'mutations_sync = 0')).toBe(
      `ALTER TABLE stats.events_local ON CLUSTER \`main-1\` DELETE WHERE x SETTINGS allow_nondeterministic_mutations = 1, mutations_execute_subqueries_on_initiator = 0,
  mutations_execute_nondeterministic_on_initiator = 0, mutations_sync = 0`,
    );
  });

  test('inserts in the foreground, until every replica has the rows', () => {
    expect(cluster.insertSettings({ servers: 6, replicas: 3 }, 15_000)).toMatchObject({
      distributed_foreground_insert: 1,
      insert_quorum: '3',
      insert_quorum_timeout: '15000',
    });
    expect(cluster.ownInsertSettings({ servers: 6, replicas: 3 })).toEqual({ insert_quorum: '6' });
  });

  test('drops no part by its name', () => {
    expect(cluster.parts).toBeUndefined();
  });

  test('asks every server for its parts and mutations', () => {
    for (const table of APP_TABLES) {
      for (const text of [cluster.mutations(table, 'run'), cluster.oldParts(table), cluster.detachedParts(table)]) {
        expect(text).toContain("clusterAllReplicas('main-1', view(");
        expect(text).toContain(`database = 'stats' AND table = '${table}_local'`);
      }
    }
    expect(cluster.searchParts(EVENTS, 'x').note).toBeUndefined();
  });
});

describe('the number of servers', () => {
  test('is one without a cluster, and nobody is asked', async () => {
    const counter = new ServerCounter(single, () => Promise.reject(new Error('asked')));
    expect(await counter.count()).toEqual({ servers: 1, replicas: 1 });
  });

  test('is that of all shards, and is remembered for a while', async () => {
    let asked = 0;
    const counter = new ServerCounter(cluster, () => {
      asked += 1;
      return Promise.resolve(['1', '2', '3'].map((shard) => ({ shard, replicas: '2' })));
    });
    expect(await counter.count()).toEqual({ servers: 6, replicas: 2 });
    expect(await counter.count()).toEqual({ servers: 6, replicas: 2 });
    expect(asked).toBe(1);
  });

  test.each([
    ['does not have', []],
    [
      'different numbers',
      [
        { shard: '1', replicas: '2' },
        { shard: '2', replicas: '1' },
      ],
    ],
  ])('cannot be told of a cluster: %s', (message, shards) => {
    expect(() => serverCount(shards)).toThrow(ClusterUnusableError);
    expect(() => serverCount(shards)).toThrow(message);
  });
});

test.each([
  ['MergeTree', false, true],
  ['ReplicatedMergeTree', false, true],
  ['Distributed', true, false],
])('a table `events` of the engine %s belongs to the other form: %p and %p', (engine, ofSingle, ofCluster) => {
  expect([single.isOther(engine), cluster.isOther(engine)]).toEqual([ofSingle, ofCluster]);
});
