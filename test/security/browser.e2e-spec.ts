import { type Answer, call, createKey, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const MIB = 1024 * 1024;
const PAGES = ['/', '/api-docs/', '/local-sign-in/interaction/x', '/api/auth/google/callback', '/nowhere', '/health'];

describe('what browsers are told', () => {
  let stack: Stack;
  let key: string;
  beforeAll(async () => {
    stack = await startStack({
      workers: 0,
      env: { BUFFER_MAX_BYTES: String(MIB), RATE_LIMITS: 'key=200,account=9000,address=9000,signin=1000' },
    });
    key = (await registerApp(stack.url, await signIn(stack.url))).apiKey;
  });
  afterAll(() => stack?.stop());

  test.each(PAGES)('%s: no inline script or style, no frame, no sniffing, no referrer', async (path) => {
    const { headers } = await call(`${stack.url}${path}`, { headers: { accept: 'text/html' } });
    const policy = headers.get('content-security-policy')!;
    expect(policy).not.toContain('unsafe-inline');
    expect(policy).not.toContain('unsafe-eval');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    for (const feature of ['camera', 'geolocation', 'microphone', 'payment', 'usb'])
      expect(headers.get('permissions-policy')).toContain(`${feature}=()`);
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });

  test('every answer says which features of the browser are not used: refusals, files and collect too', async () => {
    const policy = (await call(`${stack.url}/`)).headers.get('permissions-policy');
    expect(policy).toMatch(/camera=\(\)/);
    for (const path of ['/api/auth/me', '/nowhere', '/%zz', '/t.js', '/palette.css', '/health', '/local-sign-in/auth'])
      expect([path, (await call(`${stack.url}${path}`)).headers.get('permissions-policy')]).toEqual([path, policy]);
    const sent = await call(`${stack.url}/collect`, { key, body: { event: 'x' } });
    expect([sent.status, sent.headers.get('permissions-policy')]).toEqual([202, policy]);
  });

  test.each(['/api/auth/me', '/%61pi/auth/me', '/api/%61uth/me', '/%61pi/auth/%6De', '/nowhere', '/%61pi/nowhere'])(
    '%s: no cache keeps the answer, however the route is spelt',
    async (path) => {
      const { status, headers } = await call(`${stack.url}${path}`);
      expect([status, headers.get('cache-control')]).toEqual([path.endsWith('nowhere') ? 404 : 401, 'no-store']);
    },
  );

  test('a person gets a page of the sign-in, however the route is spelt', async () => {
    const { headers } = await call(`${stack.url}/api/%61uth/google/callback`, { headers: { accept: 'text/html' } });
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  test.each(['/api/analytics/collect', '/%61pi/analytics/collect', '/api/analytics/%63ollect/b%61tch'])(
    '%s is open to every origin, however it is spelt, and takes JSON sent as text',
    async (path) => {
      const origin = 'https://shop.example';
      const asked = await call(`${stack.url}${path}`, { method: 'OPTIONS', headers: { origin } });
      expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
      expect(asked.headers.get('access-control-allow-headers')).toContain('x-api-key');
      const body = JSON.stringify(path.endsWith('b%61tch') ? { events: [{ event: 'x' }] } : { event: 'x' });
      const sent = await call(`${stack.url}${path}`, { key, body, headers: { origin, 'content-type': 'text/plain' } });
      expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([202, '*']);
    },
  );

  test.each(['/api/apps', '/api/analytics/collect/other', '/api/analytics/event-summary'])(
    '%s is open to no other origin',
    async (path) => {
      for (const method of ['OPTIONS', 'POST']) {
        const { headers } = await call(`${stack.url}${path}`, { method, headers: { origin: 'https://shop.example' } });
        expect(headers.get('access-control-allow-origin')).toBeNull();
      }
    },
  );

  test('contract §3: every answer of the collect routes, errors too, is for every origin, without credentials', async () => {
    const app = await registerApp(stack.url, await signIn(stack.url));
    const read = await createKey(stack.url, await signIn(stack.url), { appId: app.id, scopes: ['read'] });
    const event = { event: 'x' };
    for (const path of ['/collect', '/api/analytics/collect']) {
      const post = (options: Parameters<typeof call>[1]) =>
        call(`${stack.url}${path}`, {
          key,
          ...options,
          headers: { origin: 'https://shop.example', ...options?.headers },
        });
      const open = (answer: Answer, status: number) => {
        expect([path, answer.status]).toEqual([path, status]);
        expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
        const exposed = answer.headers.get('access-control-expose-headers')!.toLowerCase();
        for (const name of ['retry-after', 'ratelimit-limit', 'x-request-id']) expect(exposed).toContain(name);
      };
      open(await post({ body: event }), 202);
      open(await post({ body: {} }), 400);
      open(await post({ body: '{' }), 400);
      open(await post({ key: undefined, body: event }), 401);
      open(await post({ key: read.apiKey, body: event }), 403);
      open(await post({ body: JSON.stringify({ event: 'x', url: 'x'.repeat(2 * MIB) }) }), 413);
      open(await post({ body: 'event=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } }), 415);
      // By a key of its own: what is refused counts against the limit too.
      const { apiKey } = await createKey(stack.url, await signIn(stack.url), { appId: app.id });
      const half = { events: Array.from({ length: 150 }, () => event) };
      const send = () => call(`${stack.url}${path}/batch`, { key: apiKey, body: half });
      const [taken, refused] = (await Promise.all([send(), send()])).sort((a, b) => a.status - b.status);
      open(taken!, 202);
      open(refused!, 429);
    }
    // Full: each entry is as large as it may be.
    await until(async () => {
      const { status } = await call(`${stack.url}/collect`, {
        key: app.apiKey,
        body: { event: 'x', metadata: { text: 'x'.repeat(32_000) } },
      });
      return status === 503;
    }, 'the buffer to be full');
    const full = await call(`${stack.url}/collect`, { key: app.apiKey, body: event });
    expect([full.status, full.headers.get('access-control-allow-origin')]).toEqual([503, '*']);
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
