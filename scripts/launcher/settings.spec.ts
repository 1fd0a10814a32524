import { readSettings } from './settings.mjs';

test('a cluster is refused where the engine would be started', () => {
  expect(() => readSettings({ CLICKHOUSE_CLUSTER: 'events' })).toThrow(/^CLICKHOUSE_CLUSTER needs CLICKHOUSE_URL/);
  const url = { CLICKHOUSE_URL: 'http://ch.example:8123' };
  expect(readSettings({ ...url, CLICKHOUSE_CLUSTER: 'events' }).clickhouse).toEqual(url);
});
