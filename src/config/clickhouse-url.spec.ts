import { readClickhouseUrls, type ReadModelAddress } from './clickhouse-url.js';
import { EnvReader } from './env-reader.js';

function read(
  variables: Record<string, string>,
  role: 'api' | 'worker' | 'command' = 'worker',
): { address: ReadModelAddress | undefined; faults: string[] } {
  const reader = new EnvReader(variables);
  return { address: readClickhouseUrls(reader, role), faults: reader.faults };
}

test('without CLICKHOUSE_URL there is no read model', () => {
  expect(read({})).toEqual({ address: undefined, faults: [] });
});

test.each([
  ['http://ch.example:8123', 'http://ch.example:8123', 'tallystone', 'default', ''],
  ['https://me@ch.example:8443/stats', 'https://ch.example:8443', 'stats', 'me', ''],
  ['https://me:50%25%40@ch.example/stats/', 'https://ch.example', 'stats', 'me', '50%@'],
  ['http://[::1]:8123/', 'http://[::1]:8123', 'tallystone', 'default', ''],
])('%s: one user does both', (text, url, database, user, password) => {
  const one = { user, password };
  expect(read({ CLICKHOUSE_URL: text })).toEqual({
    address: { url, database, questions: one, copying: one },
    faults: [],
  });
});

describe('two users of one database', () => {
  const urls = { CLICKHOUSE_URL: 'http://ask:1@ch:8123/stats', CLICKHOUSE_COPY_URL: 'http://copy:2@ch:8123/stats' };
  const [ask, copy] = [
    { user: 'ask', password: '1' },
    { user: 'copy', password: '2' },
  ];

  test.each(['worker', 'command'] as const)('are known to %s', (role) => {
    expect(read(urls, role).address).toMatchObject({ questions: ask, copying: copy });
  });

  test('the API knows who asks, and nothing of the other, whatever its environment holds', () => {
    expect(read(urls, 'api')).toEqual({
      address: expect.objectContaining({ questions: ask, copying: ask }),
      faults: [],
    });
  });
});

test.each(['api', 'worker', 'command'] as const)('%s knows the cluster', (role) => {
  const variables = { CLICKHOUSE_URL: 'http://ch:8123', CLICKHOUSE_CLUSTER: 'shards-2_x' };
  expect(read(variables, role)).toEqual({ address: expect.objectContaining({ cluster: 'shards-2_x' }), faults: [] });
});

test.each<[name: string, variables: Record<string, string>]>([
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'ch:8123' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'clickhouse://ch:9000/stats' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'http://ch:8123/a/b' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'http://ch:8123/system' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'http://ch:8123/a-b' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'http://me:50%@ch:8123/stats' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'http://ch:8123/stats?compress=1' }],
  ['CLICKHOUSE_URL', { CLICKHOUSE_URL: 'http://ch:8123', CLICKHOUSE_URL_FILE: '/etc/hostname' }],
  ['CLICKHOUSE_URL_FILE', { CLICKHOUSE_URL_FILE: '/nonexistent' }],
  ['CLICKHOUSE_COPY_URL', { CLICKHOUSE_COPY_URL: 'http://ch:8123' }],
  ['CLICKHOUSE_COPY_URL', { CLICKHOUSE_URL: 'http://a:8123', CLICKHOUSE_COPY_URL: 'http://b:8123' }],
  ['CLICKHOUSE_COPY_URL', { CLICKHOUSE_URL: 'http://a:8123/x', CLICKHOUSE_COPY_URL: 'http://a:8123/y' }],
  ['CLICKHOUSE_CLUSTER', { CLICKHOUSE_CLUSTER: 'events' }],
  ['CLICKHOUSE_CLUSTER', { CLICKHOUSE_URL: 'http://a:8123', CLICKHOUSE_CLUSTER: 'a.b' }],
  ['CLICKHOUSE_CLUSTER', { CLICKHOUSE_URL: 'http://a:8123', CLICKHOUSE_CLUSTER: "a'b" }],
  ['CLICKHOUSE_CLUSTER', { CLICKHOUSE_URL: 'http://a:8123', CLICKHOUSE_CLUSTER: '{cluster}' }],
])('%s is refused by its name, without its value: %j', (name, variables) => {
  const { faults } = read(variables);
  expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  expect(faults.join()).not.toMatch(/50%@|\/a\/b/);
});
