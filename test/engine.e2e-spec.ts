import { type ClickHouseClient, type ClickHouseSettings, SettingsMap } from '@clickhouse/client';
import { TestEngine } from './support/engine.js';
import { until } from './support/until.js';

const filtered = (filters: Record<string, string>): ClickHouseSettings => ({
  additional_table_filters: SettingsMap.from(filters),
});
const APP_1 = filtered({ events: 'app_id IN (1)' });
const CREATE = `CREATE TABLE events (app_id UInt64, id UInt64, name String, at DateTime('UTC')) ENGINE = MergeTree
PARTITION BY toYYYYMM(at) ORDER BY (app_id, id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`;
/** Takes hours, and little memory. */
const ENDLESS = `SELECT count() FROM numbers_of AS a, (SELECT n FROM numbers_of WHERE n < 1000) AS b WHERE cityHash64(a.n, b.n) % 7 = 3`;

describe('the engine', () => {
  const engine = new TestEngine();
  let asking: ClickHouseClient;
  let copying: ClickHouseClient;
  beforeAll(async () => {
    await engine.start();
    await connect();
    await copying.command({ query: CREATE });
    await copying.command({ query: 'CREATE TABLE numbers_of (n UInt64) ENGINE = MergeTree ORDER BY n' });
    await copying.command({ query: 'INSERT INTO numbers_of SELECT number FROM numbers(10000000)' });
    await insert('first', [
      [1, 1, 'one', '2026-01-01 00:00:00'],
      [1, 2, 'two', '2026-02-01 00:00:00'],
      [2, 3, 'of another', '2026-02-01 00:00:00'],
    ]);
  });
  afterAll(async () => {
    await asking?.close();
    await copying?.close();
    await engine.end();
  });

  const connect = async (): Promise<void> => {
    [asking, copying] = [engine.client('questions'), engine.client('copying')];
    await until(async () => (await asking.ping()).success, 'an answer to a ping');
  };
  const insert = (token: string, values: unknown[][]) =>
    copying.insert({
      table: 'events',
      columns: ['app_id', 'id', 'name', 'at'],
      format: 'JSONCompactEachRow',
      values,
      clickhouse_settings: { insert_deduplication_token: token },
    });
  const ask = async (
    query: string,
    settings: ClickHouseSettings = {},
    query_params: Record<string, unknown> = {},
  ): Promise<unknown[][]> => {
    const clickhouse_settings = { ...APP_1, ...settings };
    const answer = await asking.query({ query, query_params, clickhouse_settings, format: 'JSONCompact' });
    const text = await answer.text();
    try {
      return (JSON.parse(text) as { data: unknown[][] }).data;
    } catch (error) {
      throw new Error(`No JSON: ${text.slice(0, 1000)}`, { cause: error });
    }
  };

  test('answers questions about the asked apps alone, whatever the statement says', async () => {
    expect(await ask('SELECT name FROM events ORDER BY id')).toEqual([['one'], ['two']]);
    expect(await ask('SELECT count() FROM tallystone.events AS e WHERE e.app_id = 2')).toEqual([[0]]);
    expect(await ask('WITH x AS (SELECT * FROM events) SELECT (SELECT count() FROM x), count() FROM x')).toEqual([
      [2, 2],
    ]);
    expect(await ask('SELECT count() FROM events WHERE id IN (SELECT id FROM events) OR 1 = 1')).toEqual([[2]]);
    expect(await ask('SELECT count() FROM events AS a JOIN events AS b ON a.id != b.id')).toEqual([[2]]);
    expect(await ask('SELECT count() FROM (SELECT 1 FROM events UNION ALL SELECT 2 FROM events)')).toEqual([[4]]);
  });

  test('parameters arrive as they were sent', async () => {
    const odd = 'it\'s "odd" \\ \n\t\0 \u{1F600} {x:String}';
    expect(await ask('SELECT {text:String} AS text', {}, { text: odd })).toEqual([[odd]]);
    expect(await ask('SELECT {n:UInt64} IN ({a:UInt64}, {b:UInt64})', {}, { n: 5, a: 4, b: 5 })).toEqual([[1]]);
  });

  test.each([
    ['a second statement', 'SELECT 1; DROP TABLE events', /holds no ";"/],
    ['a comment', 'SELECT 1 /* FORMAT */', /holds no "\/\*"/],
    ['a change', 'ALTER TABLE events DELETE WHERE 1', /one SELECT/],
    ['an insert', "INSERT INTO events SELECT 1, 9, 'x', now()", /one SELECT/],
    ['DROP', 'DROP TABLE events', /one SELECT/],
    ['SHOW', 'SHOW TABLES', /one SELECT/],
    ['a file', "SELECT * FROM file('/etc/passwd', 'LineAsString')", /no table function: file/],
    ['a URL', "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", /no table function: url/],
    ['a file in a subquery', "SELECT (SELECT * FROM file('/etc/passwd', 'LineAsString') LIMIT 1)", /table function/],
    ['all tables', "SELECT * FROM merge('tallystone', '.*')", /no table function/],
    ['the scalar file()', "SELECT file('/etc/passwd')", /function file/],
    ['tables of the system', 'SELECT * FROM system.processes', /tables of tallystone only/],
    ['a table right of IN', 'SELECT 3 IN events', /Write IN \(SELECT/],
    ['settings of its own', 'SELECT count() FROM events SETTINGS additional_table_filters = {}', /not in SETTINGS/],
    ['a file to write', "SELECT 1 INTO OUTFILE '/tmp/x'", /INTO OUTFILE/],
    ['EXPLAIN', 'SELECT * FROM (EXPLAIN SELECT 1)', /no table function: viewExplain/],
  ])('a question is refused: %s', async (_what, query, message) => {
    await expect(ask(query)).rejects.toThrow(message);
  });

  test.each([
    ['none', {}],
    ['of another table', filtered({ numbers_of: 'n = 1' })],
    ['that is always true', filtered({ events: '1' })],
    ['with an OR', filtered({ events: 'app_id IN (1) OR 1' })],
    ['with a subquery', filtered({ events: 'app_id IN (SELECT app_id FROM events)' })],
  ])('a question is refused with a filter on apps: %s', async (_what, clickhouse_settings) => {
    const asked = asking.query({ query: 'SELECT count() FROM events', clickhouse_settings });
    await expect(asked).rejects.toThrow(/additional_table_filters/);
  });

  describe('with several databases', () => {
    const OTHERS = ['first_db', 'second_db'];
    const clients = new Map<string, { asking: ClickHouseClient; copying: ClickHouseClient }>();
    const named = (database: string) => clients.get(database)!;
    const rows = async (database: string, query: string): Promise<unknown> => {
      const answer = await named(database).asking.query({
        query,
        format: 'JSONCompact',
        clickhouse_settings: APP_1,
      });
      return (await answer.json<unknown[]>()).data;
    };

    beforeAll(async () => {
      for (const [index, database] of OTHERS.entries()) {
        await copying.command({ query: `CREATE DATABASE ${database}` });
        const [own, write] = [engine.client('questions', { database }), engine.client('copying', { database })];
        clients.set(database, { asking: own, copying: write });
        await write.command({ query: 'CREATE TABLE events (app_id UInt64, n UInt64) ENGINE = MergeTree ORDER BY n' });
        const values = Array.from({ length: index + 1 }, (_none, n) => [1, n]);
        await write.insert({ table: 'events', format: 'JSONCompactEachRow', values });
        const dictionary = `CREATE DICTIONARY names (n UInt64, name String) PRIMARY KEY n
          SOURCE(CLICKHOUSE(QUERY 'SELECT n, toString(n) AS name FROM ${database}.events')) LAYOUT(FLAT()) LIFETIME(0)`;
        await write.command({ query: dictionary });
      }
    });
    afterAll(async () => {
      for (const one of clients.values()) await Promise.all([one.asking.close(), one.copying.close()]);
    });

    test('a statement reads and writes the one that its request names', async () => {
      const asked = [...OTHERS, ...OTHERS, ...OTHERS].map((database) => rows(database, 'SELECT count() FROM events'));
      expect(await Promise.all(asked)).toEqual([[[1]], [[2]], [[1]], [[2]], [[1]], [[2]]]);
      expect(await ask('SELECT count() FROM events')).toEqual([[2]]);
    });

    test('a question reads no other, whatever another may ask', async () => {
      const text = 'SELECT count() FROM first_db.events';
      expect(await rows('first_db', text)).toEqual([[1]]);
      await expect(rows('second_db', text)).rejects.toThrow(/tables of second_db only/);
      await expect(ask(text)).rejects.toThrow(/tables of tallystone only/);
    });

    test('a question reads no dictionary of another', async () => {
      const text = "SELECT dictGet('first_db.names', 'name', 0::UInt64)";
      expect(await rows('first_db', text)).toEqual([['0']]);
      expect(await rows('first_db', "SELECT dictHas('names', 0::UInt64)")).toEqual([[1]]);
      for (const name of ["'first_db.names'", 'first_db.names', "concat('first', '_db.names')"])
        await expect(rows('second_db', `SELECT dictGet(${name}, 'name', 0::UInt64)`)).rejects.toThrow(
          /dictionaries of/,
        );
    });

    test.each(['system', 'INFORMATION_SCHEMA', 'information_schema'])(
      'a question is refused in %s',
      async (database) => {
        const stranger = engine.client('questions', { database });
        const asked = stranger.query({ query: 'SELECT * FROM tables', clickhouse_settings: APP_1 });
        await expect(asked).rejects.toThrow(/does not read the database/);
        await stranger.close();
      },
    );

    test.each(['a-b', 'a;b', '`', 'nothing'])('there is no database %s', async (database) => {
      const stranger = engine.client('copying', { database });
      await expect(stranger.query({ query: 'SELECT 1' })).rejects.toMatchObject({ type: 'UNKNOWN_DATABASE' });
      await stranger.close();
    });
  });

  test('a wrong password is refused', async () => {
    const stranger = engine.client('questions', { password: 'a-password-for-copying' });
    await expect(stranger.query({ query: 'SELECT 1' })).rejects.toThrow(/password is wrong/);
    await stranger.close();
  });

  test('an insert that is sent again under its token changes nothing, also after a restart', async () => {
    const rows = [[7, 70, 'again', '2026-03-01 00:00:00']];
    await insert('again', rows);
    await insert('again', rows);
    await engine.process.stop();
    await engine.start();
    await asking.close();
    await copying.close();
    await connect();
    await insert('again', rows);
    const found = await copying.query({ query: 'SELECT count() FROM events WHERE app_id = 7', format: 'JSONCompact' });
    expect((await found.json<unknown[]>()).data).toEqual([[1]]);
  });

  test('an error of ClickHouse reaches the client with its number', async () => {
    await expect(ask('SELECT nothing FROM events')).rejects.toMatchObject({ code: '47', type: 'UNKNOWN_IDENTIFIER' });
  });

  test('a question ends when its time is up, and when its client goes away; its lane is free at once', async () => {
    const begun = performance.now();
    await expect(ask(ENDLESS, { max_execution_time: 5 })).rejects.toMatchObject({ type: 'TIMEOUT_EXCEEDED' });
    expect(performance.now() - begun).toBeLessThan(10_000);
    const gone = new AbortController();
    const left = asking.query({ query: ENDLESS, clickhouse_settings: APP_1, abort_signal: gone.signal });
    await until(async () => (await running()) > 0, 'the question to run');
    gone.abort();
    await expect(left).rejects.toThrow();
    await until(async () => (await running()) === 0, 'the question to end');
  });

  test('after a question that failed, its session answers the next one and nothing else', async () => {
    for (let i = 0; i < 3; i += 1) {
      await expect(ask('SELECT id, throwIf(id = 2) FROM events')).rejects.toThrow(/throwIf/);
      await expect(ask(ENDLESS, { max_execution_time: 4.1 })).rejects.toThrow();
      expect(await ask('SELECT count() FROM events', { max_execution_time: 5 })).toEqual([[2]]);
    }
  });

  test('a copy and a short question do not wait behind long ones', async () => {
    const gone = new AbortController();
    const long = Array.from({ length: 6 }, () =>
      asking
        .query({ query: ENDLESS, clickhouse_settings: APP_1, abort_signal: gone.signal })
        .catch((error: Error) => error),
    );
    await until(async () => (await running()) > 0, 'one of them to run');
    await insert('beside', [[8, 80, 'beside', '2026-03-01 00:00:00']]);
    expect(await ask('SELECT count() FROM events', { max_execution_time: 4 })).toEqual([[2]]);
    expect(await running()).toBeGreaterThan(0);
    gone.abort();
    await Promise.all(long);
  });

  test('twenty of the worst questions at once fail alone, and the engine goes on', async () => {
    const worst = `SELECT groupArray(b.n), uniqExact(b.n) FROM events AS a, numbers_of AS b GROUP BY b.n % 3`;
    const { pid } = engine.process.child;
    const asked = Array.from({ length: 20 }, () =>
      ask(worst, { max_execution_time: 60 }).catch((error: Error) => error),
    );
    const answers = await Promise.all(asked);
    for (const answer of answers)
      if (answer instanceof Error) expect(answer.message).toMatch(/memory|longer than|Limit for result/i);
    expect(await ask('SELECT count() FROM events')).toEqual([[2]]);
    expect(engine.process.child.pid).toBe(pid);
    expect(engine.process.running).toBe(true);
  });

  test('what ran when it was killed is refused for a while, and nothing else', async () => {
    const asked = ask(ENDLESS).catch((error: Error) => error);
    await until(async () => (await running()) > 0, 'the question to run');
    await engine.process.stop('SIGKILL');
    await asked;
    await engine.start();
    await asking.close();
    await copying.close();
    await connect();
    await expect(ask(ENDLESS)).rejects.toThrow(/can be asked again in 10 minutes/);
    expect(await ask('SELECT count() FROM events')).toEqual([[2]]);
  });

  /** Statements that ClickHouse has under way and that are not this one. */
  async function running(): Promise<number> {
    const query = `SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers_of%' AND query NOT LIKE '%processes%'`;
    const [row] = await (await copying.query({ query, format: 'JSONEachRow' })).json<{ n: string }>();
    return Number(row!.n);
  }
});
