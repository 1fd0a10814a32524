import { pathAliases } from './path-aliases.js';

const route = pathAliases({ collectPath: '/shop/count', trackerName: 'js/shop.js' });

test.each([
  ['/api/ingest', '/api/analytics/collect'],
  ['/api/ingest/batch', '/api/analytics/collect/batch'],
  ['/api/reports/series?event=a', '/api/analytics/series?event=a'],
  ['/shop/count', '/api/analytics/collect'],
  ['/shop/count/batch?x', '/api/analytics/collect/batch?x'],
  ['/collect', '/api/analytics/collect'],
  ['/auth/me', '/api/auth/me'],
  ['/analytics/series', '/api/analytics/series'],
  ['/js/shop.js', '/t.js'],
  ['/js/shop.js?v=2', '/t.js?v=2'],
])('%s is answered as %s', (url, expected) => {
  expect(route(url)).toBe(expected);
});

test.each(['/', '/t.js', '/api/analytics/collect', '/api/ingestion', '/api/reports2', '/shop/counter', '/js/shop.jsx'])(
  '%s is left as it is',
  (url) => {
    expect(route(url)).toBe(url);
  },
);

test('the script may lie below the collect path', () => {
  const below = pathAliases({ collectPath: '/shop', trackerName: 'shop/t.js' });
  expect(['/shop/t.js', '/shop/t.js?extra=0', '/shop/batch', '/shop'].map(below)).toEqual([
    ...['/t.js', '/t.js?extra=0', '/api/analytics/collect/batch', '/api/analytics/collect'],
  ]);
});
