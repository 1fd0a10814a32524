import { call } from './support/client.js';
import { rawCall } from './support/raw-request.js';
import { type Stack, startStack } from './support/stack.js';

/** As Chromium asks for an address that somebody opens. */
const NAVIGATION = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8' };
const SECURITY_HEADERS = [
  'content-security-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'permissions-policy',
  'referrer-policy',
  'x-content-type-options',
  'x-frame-options',
  'x-request-id',
];
const UNKNOWN = [
  '/nowhere',
  '/apps/unknown',
  '/nowhere?token=secret',
  '/users/somebody',
  '/Users',
  '/index.html',
  '/users%2F',
  '/%E2%82%AC',
  '/%zz',
  '/%E0%A4%A',
  '//nowhere',
  '/assets/nowhere.js',
  '/assets/',
  '/api-docs/nowhere',
  '/api-docs/swagger-ui/nowhere.js',
  '/apifoo',
  '/health/nowhere',
  '/t.js/nowhere',
  '/local-sign-in',
  '/local-sign-in/nowhere',
  '/<script>alert(1)</script>',
  // Programs post to these; what opens them by GET and asks for HTML is a browser.
  '/collect',
  '/collect/batch',
  '/count',
  '/analytics',
  '/analytics/nowhere',
  '/auth',
  '/auth/nowhere',
];
const OF_API = [
  '/api',
  '/api/',
  '/api/nowhere',
  '/%61pi/nowhere',
  '/api/%zz',
  '/api/ingest',
  '/api/ingest/nowhere',
  '/api/auth/google/nowhere',
  '/api/auth/googlenowhere',
];

describe('addresses that no route knows', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ env: { COLLECT_PATH: '/count' } });
  });
  afterAll(() => stack?.stop());

  const open = (path: string, headers: Record<string, string> = NAVIGATION, method = 'GET') =>
    call(stack.url + path, { method, headers });

  test.each(UNKNOWN)('%s is a page in a browser', async (path) => {
    const page = await open(path);
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.body).toContain('<h1>Page not found</h1>');
    expect(page.body).toContain('<a href="/">');
    expect(page.body).not.toMatch(/<script|secret/);
    expect(page.headers.get('cache-control')).toBe('no-store');
    const home = await open('/');
    for (const name of SECURITY_HEADERS) {
      expect([name, page.headers.has(name)]).toEqual([name, true]);
      if (name !== 'x-request-id') expect([name, page.headers.get(name)]).toEqual([name, home.headers.get(name)]);
    }
    const head = await open(path, NAVIGATION, 'HEAD');
    expect([head.status, head.headers.get('content-type'), head.body]).toEqual([404, 'text/html; charset=utf-8', '']);
  });

  test.each(OF_API)('%s stays problem+json, also in a browser', async (path) => {
    const { status, headers, body } = await open(path);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect([status, body.status]).toEqual([path === '/api/%zz' ? 400 : 404, status]);
  });

  test.each([undefined, '*/*', 'application/json', 'image/avif,image/*,*/*;q=0.8', 'text/html;q=0, */*', 'text/html5'])(
    'a program that takes %s gets problem+json',
    async (accept) => {
      // fetch() sends an Accept of its own.
      const answer = await rawCall(`${stack.url}/nowhere`, { headers: accept === undefined ? {} : { accept } });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    },
  );

  test('what is posted gets problem+json', async () => {
    const { status, headers } = await open('/nowhere', NAVIGATION, 'POST');
    expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  });

  test('a page of the dashboard is found with a slash at its end', async () => {
    for (const path of ['/users', '/event', '/live', '/keys', '/ingest', '/settings', '/start']) {
      const { status, headers } = await open(`${path}/?range=7d&zone=UTC`);
      expect([status, headers.get('location')]).toEqual([308, `${path}?range=7d&zone=UTC`]);
    }
  });

  test('an address as long as a request line may be does not make a long page', async () => {
    const { status, body } = await open(`/${'x'.repeat(10_000)}`);
    expect(status).toBe(404);
    expect((body as string).length).toBeLessThan(2000);
  });

  test('a worker has no pages', async () => {
    const port = stack.workers[0]!.records.find(({ msg }) => msg === 'worker ready')!.port as number;
    for (const path of ['/nowhere', '/%zz']) {
      const { headers } = await call(`http://127.0.0.1:${port}${path}`, { headers: NAVIGATION });
      expect([path, headers.get('content-type')]).toEqual([path, 'application/problem+json']);
    }
  });

  test('every page has the icon, and /favicon.ico is one', async () => {
    for (const path of ['/', '/api-docs', '/nowhere', '/api/auth/google/callback'])
      expect([path, (await open(path)).body]).toEqual([path, expect.stringContaining('href="/favicon.svg"')]);
    const svg = await open('/favicon.svg', { accept: 'image/*' });
    expect([svg.status, svg.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
    expect(svg.body).toMatch(/^<svg /);
    expect((svg.body as string).length).toBeLessThan(1000);
    const ico = await fetch(`${stack.url}/favicon.ico`);
    expect([ico.status, ico.headers.get('content-type')]).toEqual([200, 'image/x-icon']);
    expect(ico.headers.get('cache-control')).toBe('public, max-age=86400');
    // ICONDIR: reserved, type 1, three pictures.
    expect([...new Uint8Array(await ico.arrayBuffer()).slice(0, 6)]).toEqual([0, 0, 1, 0, 3, 0]);
  });
});
