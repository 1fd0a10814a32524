import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDir } from './data-dir.mjs';
import { writePid } from './processes.mjs';
import { apiUrlInUse, servicesInUse } from './services-in-use.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tallystone-in-use-'));
const dataDir = new DataDir(folder).make();
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => rmSync(dataDir.pidFile('launcher'), { force: true }));
const runs = (values: Record<string, string>): void => {
  dataDir.writeRunEnv(values);
  writePid(dataDir.pidFile('launcher'), process.pid);
};

test('a script finds the API at the server that runs on the data folder, else where npm start would put it', () => {
  const settings = { dataDir: folder, localUrl: 'http://127.0.0.1:3000' };
  expect(apiUrlInUse(settings)).toBe('http://127.0.0.1:3000');
  dataDir.writeRunEnv({ API_URL: 'http://127.0.0.1:3124' });
  expect(apiUrlInUse(settings)).toBe('http://127.0.0.1:3000');
  runs({ API_URL: 'http://127.0.0.1:3124' });
  expect(apiUrlInUse(settings)).toBe('http://127.0.0.1:3124');
});

describe('a script finds ClickHouse', () => {
  const engine = { CLICKHOUSE_URL: 'http://ask:a@127.0.0.1:1/t', CLICKHOUSE_COPY_URL: 'http://copy:b@127.0.0.1:1/t' };
  const own = { CLICKHOUSE_URL: 'http://ch.example:8123' };
  const found = (settings: object): Record<string, string> =>
    servicesInUse({ clickhouse: {}, engine: 'embedded', dataDir: folder, ...settings } as never).clickhouse;

  test('where it is set, else where the launcher that runs has it', () => {
    runs({ DATABASE_URL: 'mysql://a/t', REDIS_URL: 'redis://a', ...engine });
    expect(found({ clickhouse: own })).toEqual(own);
    expect(found({})).toEqual(engine);
    expect(found({ databaseUrl: 'mysql://a/t' })).toEqual(engine);
  });

  test('not that of another database, nor with ENGINE=none, nor where none runs', () => {
    runs({ DATABASE_URL: 'mysql://a/t', REDIS_URL: 'redis://a', ...engine });
    expect(found({ databaseUrl: 'mysql://b/t' })).toEqual({});
    expect(found({ engine: 'none' })).toEqual({});
    runs({ DATABASE_URL: 'mysql://a/t', REDIS_URL: 'redis://a' });
    expect(found({})).toEqual({});
  });
});
