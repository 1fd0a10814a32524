import { ownPath } from './next-path.js';

test.each(['/', '/api-docs', '/apps?range=7d#top', '/a%20b', '/search?q=%2Fx'])('goes on to %s', (path) => {
  expect(ownPath(path)).toBe(path);
});

test.each([
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  '/%2F/evil.example',
  '/%2fevil.example',
  '/%5cevil.example',
  '/%255cevil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/..//evil.example',
  '/%',
  '',
  'evil',
  undefined,
  ['/a'],
  `/${'x'.repeat(3000)}`,
])('%p becomes /', (next) => {
  expect(ownPath(next)).toBe('/');
});
