import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { call, registerApp, signIn, type Signed } from './support/client.js';
import { blockedBy, installContentBlocker } from './support/content-blocker.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const HOSTS = ['https://tally.example.com', 'https://www.shop.example', 'https://shop.example'];
const SITE = 'https://www.shop.example/';
const PAGES = [
  '/',
  '/event?event=page_view',
  '/users',
  '/users?user=u',
  '/live',
  '/keys',
  '/ingest',
  '/settings',
  '/start',
];

/** The page has come to an end with what it was loading. */
async function expectNothingIsWaitedFor(page: Page): Promise<void> {
  await until(
    async () => !/Checking whether|Loading …|Connecting …/.test(await page.locator('body').innerText()),
    'an end',
  );
}

describe('with a content blocker in the browser', () => {
  let stack: Stack;
  let browser: Browser;
  let signed: Signed;
  let app: { id: string; apiKey: string };
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    stack = await startStack({ env: { TRACKER_NAME: 'js/shop.js', COLLECT_PATH: '/shop/count' } });
    browser = await launchChromium();
    signed = await signIn(stack.url);
    app = await registerApp(stack.url, signed);
    await call(`${stack.url}/api/analytics/collect`, { key: app.apiKey, body: { event: 'page_view', userId: 'u' } });
    await stack.drained();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  const signedIn = async (): Promise<BrowserContext> => {
    const context = await browser.newContext();
    contexts.push(context);
    await context.addCookies(Object.entries(signed.cookies).map(([name, value]) => ({ name, value, url: stack.url })));
    return context;
  };

  test('the former addresses are stopped, so the rules bite', () => {
    for (const path of ['/api/analytics/collect', '/api/analytics/event-summary', '/api/analytics/series']) {
      expect({ path, rule: blockedBy(HOSTS[0]! + path, HOSTS[0]!, 'xmlhttprequest') }).not.toMatchObject({
        rule: undefined,
      });
    }
  });

  test('no rule stops what the script and the pages ask for', async () => {
    const { body } = await call(`${stack.url}/api-docs-json`);
    const routes = Object.keys(body.paths as object).map((path) =>
      path
        .replace('/api/analytics/collect', '/api/ingest')
        .replace('/api/analytics/', '/api/reports/')
        .replace(/\{\w+\}/g, '0190a0a0-0000-7000-8000-000000000000'),
    );
    const assets = readdirSync(join(process.cwd(), 'dist', 'web', 'assets')).map((name) => `/assets/${name}`);
    const stopped: unknown[] = [];
    for (const host of HOSTS) {
      for (const path of [...routes, ...assets, ...PAGES, '/t.js', '/health']) {
        for (const type of ['script', 'xmlhttprequest'] as const) {
          for (const source of [host, SITE]) {
            const rule = blockedBy(host + path, source, type);
            if (rule) stopped.push({ url: host + path, source, type, rule });
          }
        }
      }
    }
    expect(routes.length).toBeGreaterThan(30);
    expect(stopped).toEqual([]);
  });

  test('every page shows its numbers', async () => {
    const context = await signedIn();
    const stopped = await installContentBlocker(context);
    const page = await context.newPage();
    for (const path of PAGES) {
      await page.goto(stack.url + path);
      await page.locator('main h1, main h2').first().waitFor();
      await page.waitForLoadState(path === '/live' ? 'load' : 'networkidle');
      expect({ path, failures: await page.locator('.failure').allTextContents() }).toEqual({ path, failures: [] });
    }
    await page.goto(`${stack.url}/`);
    await page.locator('.figure', { hasText: 'Events' }).first().locator('.value[data-value="1"]').waitFor();
    expect(stopped).toEqual([]);
  });

  test('a call of the API page goes through', async () => {
    const context = await signedIn();
    const stopped = await installContentBlocker(context);
    const page = await context.newPage();
    await page.goto(`${stack.url}/api-docs`);
    const operation = page.locator('.opblock', { has: page.locator('[data-path="/api/analytics/event-summary"]') });
    await operation.locator('.opblock-summary').click();
    const answered = page.waitForResponse((answer) => answer.url().includes('/event-summary'));
    await operation.getByRole('button', { name: 'Execute' }).click();
    expect((await answered).status()).toBe(200);
    expect(stopped).toEqual([]);
  });

  test('a call that is blocked all the same names the content blocker', async () => {
    const context = await signedIn();
    await context.route('**/api/reports/**', (route) => route.abort('blockedbyclient'));
    const page = await context.newPage();
    await page.goto(`${stack.url}/`);
    await page.getByText('A content blocker in this browser probably stopped this request').first().waitFor();
    await page
      .getByText(`Allow ${new URL(stack.url).host} in the content blocker`)
      .first()
      .waitFor();
  });

  test.each([
    ['/live', '**/api/reports/**'],
    ['/live', '**/api/reports/live**'],
    ['/api-docs', '**/api/auth/**'],
    ['/api-docs', '**/api/auth/me'],
    ['/api-docs', '**/api/apps'],
    ['/api-docs', '**/api-docs-json'],
  ])('%s names the content blocker when %s is blocked', async (path, blocked) => {
    const context = await signedIn();
    await context.route(blocked, (route) => route.abort('blockedbyclient'));
    const page = await context.newPage();
    await page.goto(stack.url + path);
    await page.getByText('A content blocker in this browser probably stopped').first().waitFor();
    await expectNothingIsWaitedFor(page);
    // What is not blocked works.
    if (path === '/api-docs' && !blocked.includes('json')) await page.locator('.opblock').first().waitFor();
    await context.unroute(blocked);
    if (path === '/live') {
      await page.getByText('Connected', { exact: true }).waitFor();
      expect(await page.locator('.failure').count()).toBe(0);
    }
  });

  test('a call of the API page that is blocked all the same names the content blocker', async () => {
    const context = await signedIn();
    await context.route('**/api/reports/**', (route) => route.abort('blockedbyclient'));
    const page = await context.newPage();
    await page.goto(`${stack.url}/api-docs`);
    const operation = page.locator('.opblock', { has: page.locator('[data-path="/api/analytics/event-summary"]') });
    await operation.locator('.opblock-summary').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await page.getByText('A content blocker in this browser probably stopped').waitFor();
  });

  test('no query of the pages begins with event=, which EasyPrivacy looks for', async () => {
    const host = HOSTS[0]!;
    expect(blockedBy(`${host}/api/reports/series?event=pageview&appId=x`, host, 'xmlhttprequest')).toBeDefined();
    const context = await signedIn();
    const asked: URL[] = [];
    context.on('request', (request) => asked.push(new URL(request.url())));
    const page = await context.newPage();
    for (const path of [
      '/',
      '/event?event=pageview',
      '/users?event=pageview',
      '/users?user=u',
      '/live?event=pageview',
    ]) {
      await page.goto(stack.url + path);
      await page.locator('main h1, main h2').first().waitFor();
      await page.waitForLoadState(path.startsWith('/live') ? 'load' : 'networkidle');
    }
    const calls = asked.filter(({ pathname }) => pathname.startsWith('/api/'));
    expect(calls.some(({ searchParams }) => searchParams.has('event'))).toBe(true);
    expect(calls.map(({ search }) => search).filter((search) => search.startsWith('?event='))).toEqual([]);
  });

  describe('on a web site', () => {
    let site: Server;
    let origin: string;
    let tag: string;

    beforeAll(async () => {
      site = createServer((_request, answer) => {
        answer.setHeader('content-type', 'text/html');
        answer.end(`<!doctype html><title>Shop</title>${tag}`);
      });
      await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
      // Another host than the product's, so that the calls are third-party ones.
      origin = `http://localhost:${(site.address() as AddressInfo).port}`;
    });
    afterAll(() => site.close());

    test.each([
      ['under its default name', 't.js'],
      ['under the name that the operator chose', 'js/shop.js'],
    ])('the script counts %s', async (_how, name) => {
      const counted = async () => Number((await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events'))[0]!.n);
      const before = await counted();
      tag = `<script defer src="${stack.url}/${name}" data-key="${app.apiKey}"></script>`;
      const context = await browser.newContext();
      contexts.push(context);
      const stopped = await installContentBlocker(context);
      const page = await context.newPage();
      const posted = page.waitForRequest((request) => request.method() === 'POST');
      await page.goto(origin);
      expect(new URL((await posted).url()).pathname).toBe('/shop/count/batch');
      await until(async () => (await counted()) === before + 1, 'the page view to be counted');
      expect(stopped).toEqual([]);
    });

    test('the set-up page names the script as the operator does', async () => {
      const context = await signedIn();
      const page = await context.newPage();
      await page.goto(`${stack.url}/start`);
      await page.getByRole('button', { name: 'Show snippets' }).click();
      await page.getByText(`src="${stack.url}/js/shop.js"`).waitFor();
    });
  });

  test('the server answers all of its addresses', async () => {
    const send = (path: string) => call(stack.url + path, { key: app.apiKey, body: { event: 'alias' } });
    for (const path of ['/api/analytics/collect', '/collect', '/api/ingest', '/shop/count']) {
      expect({ path, status: (await send(path)).status }).toEqual({ path, status: 202 });
    }
    const preflight = await call(`${stack.url}/shop/count/batch`, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    for (const path of ['/api/analytics/event-summary', '/analytics/event-summary', '/api/reports/event-summary']) {
      expect({ path, status: (await call(stack.url + path, { token: signed.accessToken })).status }).toEqual({
        path,
        status: 200,
      });
    }
  });
});
