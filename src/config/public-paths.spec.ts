import { EnvReader } from './env-reader.js';
import { listedHostLabel, readCollectPath, readTrackerName } from './public-paths.js';

function read(variables: Record<string, string>) {
  const reader = new EnvReader(variables);
  const paths = { trackerName: readTrackerName(reader), collectPath: readCollectPath(reader) };
  return { ...paths, faults: reader.faults };
}

test('TRACKER_NAME and COLLECT_PATH have neutral defaults', () => {
  expect(read({})).toEqual({ trackerName: 't.js', collectPath: '/api/ingest', faults: [] });
});

test.each([
  { TRACKER_NAME: 'site.js' },
  { TRACKER_NAME: 'js/site.min.js' },
  { COLLECT_PATH: '/count' },
  { COLLECT_PATH: '/shop/c_1~.x' },
] as Record<string, string>[])('%j is taken', (variables) => {
  expect(read(variables)).toMatchObject({
    faults: [],
    trackerName: variables.TRACKER_NAME ?? 't.js',
    collectPath: variables.COLLECT_PATH ?? '/api/ingest',
  });
});

test.each([
  ['TRACKER_NAME', ['site', '/site.js', '../t.js', 'a//b.js', '.js', 'a b.js', 'assets/x.js', 'api/x.js', 'x.js?v=1']],
  [
    'COLLECT_PATH',
    [
      'count',
      '/',
      '/count/',
      '/a//b',
      '/../a',
      '/api/other',
      '/health',
      '/favicon.ico',
      '/local-sign-in/x',
      '/assets/x',
      '/a?b',
      '/a%20b',
      '/x.js',
      '/:id',
      '/*',
    ],
  ],
])('%s names what is wrong with it', (name, values) => {
  for (const value of values) {
    const { faults } = read({ [name]: value });
    expect({ value, faults }).toEqual({ value, faults: [expect.stringMatching(new RegExp(`^${name} must be`))] });
  }
});

test.each([
  ['https://stats.example.com', 'stats'],
  ['https://ANALYTICS.example.com', 'analytics'],
  ['https://track.example.com', 'track'],
  ['https://tally.example.com', undefined],
  ['https://statistics.example.com', undefined],
  ['http://127.0.0.1:3000', undefined],
])('content blockers look for the host of %s: %s', (url, label) => {
  expect(listedHostLabel(url)).toBe(label);
});
