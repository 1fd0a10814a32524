import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { call, createKey, registerApp, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const GZIPPED_MAX_BYTES = 1800;
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

interface Counted {
  event: string;
  url: string | null;
  referrer: string | null;
  user: string | null;
  metadata: string | null;
  event_id: string;
}

test('the script is at most 1.8 kB gzipped', () => {
  const script = readFileSync(join(process.cwd(), 'dist', 'tracker', 't.js'));
  expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(GZIPPED_MAX_BYTES);
});

describe('the script of a web site, in Chromium', () => {
  let stack: Stack;
  let browser: Browser;
  let site: Server;
  let origin: string;
  let key: string;
  /** Attributes of the script tag beside its key. */
  let options = '';
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    stack = await startStack();
    browser = await launchChromium();
    site = createServer((request, answer) => {
      answer.setHeader('content-type', 'text/html');
      answer.end(`<!doctype html><title>${request.url}</title>
<script defer src="${stack.url}/t.js" data-key="${key}" ${options}></script>
<button data-track="buy"><b id="buy">Buy</b></button><a id="out" href="http://localhost:1/away" target="_blank">out</a>`);
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    site?.close();
    await stack?.stop();
  });
  beforeEach(async () => {
    options = '';
    key = (await registerApp(stack.url, await signIn(stack.url))).apiKey;
    await stack.query('DELETE FROM events');
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  const visit = async (path = '/', settings: Parameters<Browser['newContext']>[0] = {}): Promise<Page> => {
    const context = await browser.newContext({ userAgent: USER_AGENT, ...settings });
    contexts.push(context);
    const page = await context.newPage();
    await page.goto(origin + path);
    return page;
  };
  const counted = async (): Promise<Counted[]> => {
    const rows = await stack.query<Record<string, Buffer | string | null>>(
      'SELECT event, url, referrer, user_id AS user, metadata, event_id FROM events ORDER BY id',
    );
    return rows.map(
      (row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value?.toString() ?? null])) as never,
    );
  };
  const names = async () => (await counted()).map(({ event }) => event);
  const eventually = (expected: string[]) =>
    until(async () => JSON.stringify((await names()).sort()) === JSON.stringify([...expected].sort()), expected.join());
  const track = (page: Page, name: string, metadata?: object) =>
    page.evaluate(
      ([said, about]) =>
        (globalThis as unknown as { tallystone: { track: (...args: unknown[]) => void } }).tallystone.track(
          said,
          about,
        ),
      [name, metadata] as const,
    );
  const waiting = (page: Page) =>
    page.evaluate(
      () =>
        Object.keys((globalThis as unknown as { localStorage: object }).localStorage).filter((name) =>
          /^tallystone\..{8}\./.test(name),
        ).length,
    );

  test('is served to pages of other origins, and kept by browsers for an hour', async () => {
    const { status, headers } = await call(`${stack.url}/t.js`);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(headers.get('cache-control')).toBe('public, max-age=3600');
    const again = await call(`${stack.url}/t.js`, { headers: { 'if-none-match': headers.get('etag')! } });
    expect(again.status).toBe(304);
  });

  test('counts page views, those without a load too, and what a page tells; sets no cookie', async () => {
    const page = await visit('/first');
    await page.evaluate(`history.pushState({}, '', '/second')`);
    await page.evaluate(`history.replaceState({}, '', '/second#part')`);
    await page.goBack();
    await track(page, 'signup', { plan: 'pro' });
    await page.evaluate(`tallystone.identify('ann')`);
    await track(page, 'known');
    await eventually(['page_view', 'page_view', 'page_view', 'signup', 'known']);
    const events = await counted();
    const views = events.filter(({ event }) => event === 'page_view');
    expect(views.map(({ url }) => url)).toEqual(['/first', '/second', '/first'].map((path) => origin + path));
    expect(views.map(({ referrer }) => referrer)).toEqual([null, `${origin}/first`, `${origin}/second`]);
    expect(events.find(({ event }) => event === 'signup')).toMatchObject({ metadata: '{"plan":"pro"}', user: null });
    expect(events.find(({ event }) => event === 'known')!.user).toBe('ann');
    expect(events.every(({ event_id: id }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/.test(id))).toBe(true);
    expect(await page.context().cookies()).toEqual([]);
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
  });

  test('counts clicks on what is marked, and on links to other sites where the tag says so', async () => {
    options = 'data-outbound';
    const page = await visit();
    await page.click('#buy');
    await page.click('#out');
    await eventually(['page_view', 'buy', 'outbound_click']);
    expect((await counted()).find(({ event }) => event === 'outbound_click')!.metadata).toBe(
      '{"href":"http://localhost:1/away"}',
    );
    options = '';
    await stack.query('DELETE FROM events');
    const other = await visit();
    await other.click('#out');
    await other.click('#buy');
    await eventually(['page_view', 'buy']);
  });

  test.each<[string, string]>([
    ['Do Not Track', `Object.defineProperty(navigator, 'doNotTrack', { value: '1' })`],
    ['Global Privacy Control', `Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })`],
    ['an opt-out', `localStorage['tallystone.out'] = '1'`],
  ])('%s is respected', async (_what, script) => {
    const context = await browser.newContext({ userAgent: USER_AGENT });
    contexts.push(context);
    await context.addInitScript(script);
    const page = await context.newPage();
    await page.goto(origin);
    await track(page, 'never');
    expect(await waiting(page)).toBe(0);
    const kept = await page.evaluate<string[]>('Object.keys(localStorage)');
    expect(kept).toEqual(script.includes('tallystone.out') ? ['tallystone.out'] : []);
    // Somebody else's page view, which comes later, is there: theirs is not on its way.
    await visit('/else');
    await eventually(['page_view']);
    expect((await counted())[0]!.url).toBe(`${origin}/else`);
  });

  test('an opt-out holds where storage is full, and events are counted there too', async () => {
    const page = await visit();
    await eventually(['page_view']);
    await page.evaluate(`(() => {
      for (let size = 1 << 20; size >= 1; size >>= 1)
        for (let i = 0; ; i += 1) try { localStorage['full' + size + i] = 'x'.repeat(size); } catch { break; }
    })()`);
    await track(page, 'full');
    await eventually(['page_view', 'full']);
    await page.context().setOffline(true);
    await track(page, 'waits');
    await page.evaluate(`tallystone.optOut(true)`);
    expect(await page.evaluate(`localStorage['tallystone.out']`)).toBe('1');
    await page.context().setOffline(false);
    await page.reload();
    await track(page, 'silent');
    await visit('/else');
    await eventually(['page_view', 'full', 'page_view']);
  });

  test('a new key of the app sends what waited for the old one', async () => {
    const page = await visit('/a');
    await eventually(['page_view']);
    await page.context().setOffline(true);
    await track(page, 'for the old key');
    await page.context().setOffline(false);
    const ann = await signIn(stack.url);
    const [app] = (await call(`${stack.url}/api/apps`, { token: ann.accessToken })).body.data.slice(-1) as {
      id: string;
    }[];
    const { apiKey } = await createKey(stack.url, ann, { appId: app!.id });
    key = apiKey;
    await page.goto(`${origin}/b`);
    await eventually(['page_view', 'for the old key', 'page_view']);
  });

  test('whoever counts without a pause is heard meanwhile; of nobody known is nobody; coming back is a view', async () => {
    const page = await visit();
    await page.evaluate(`tallystone.identify(undefined); onTick = setInterval(() => tallystone.track('tick'), 50)`);
    await until(
      async () => (await counted()).filter(({ event }) => event === 'tick').length > 5,
      'ticks while it ticks',
    );
    await page.evaluate(`clearInterval(onTick)`);
    expect(new Set((await counted()).map(({ user }) => user))).toEqual(new Set([null]));
    await page.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`);
    await until(
      async () => (await counted()).filter(({ event }) => event === 'page_view').length === 2,
      'the second view',
    );
  });

  test('opting out throws away what waits; opting in counts again', async () => {
    const page = await visit();
    await eventually(['page_view']);
    await page.context().setOffline(true);
    await track(page, 'thrown away');
    await page.evaluate(`tallystone.optOut(true)`);
    expect(await waiting(page)).toBe(0);
    await track(page, 'silent');
    await page.evaluate(`tallystone.optOut(false)`);
    await track(page, 'again');
    await page.context().setOffline(false);
    await eventually(['page_view', 'again']);
  });

  test('offline time, a closed page and a server that restarts lose nothing and count nothing twice', async () => {
    const page = await visit('/a');
    await eventually(['page_view']);
    await page.context().setOffline(true);
    for (let i = 0; i < 70; i += 1) await track(page, 'offline');
    expect(await waiting(page)).toBe(70);
    const api = stack.apis[0]!;
    await api.process.stop('SIGKILL');
    await page.context().setOffline(false);
    await track(page, 'no server');
    const other = await page.context().newPage();
    await other.goto(`${origin}/b`).catch(() => undefined);
    await page.close();
    stack.apis.splice(0);
    await stack.startApi({ PORT: new URL(api.url).port });
    // A page that is opened later sends what the closed one left, beside its own.
    const later = await other.context().newPage();
    await later.goto(`${origin}/c`);
    // /b too: the browser had the script already.
    const expected = [
      'page_view',
      'page_view',
      'page_view',
      'no server',
      ...Array.from({ length: 70 }, () => 'offline'),
    ];
    await until(async () => (await names()).length >= expected.length, 'all events', 60_000);
    await until(async () => (await waiting(later)) === 0, 'the queue to be empty', 60_000);
    await stack.drained();
    expect((await names()).sort()).toEqual(expected.sort());
    const answer = await call(`${stack.url}/api/analytics/event-summary?event=offline`, {
      token: (await signIn(stack.url)).accessToken,
    });
    expect(answer.body.count).toBe(70);
  });

  test('an answer that gets lost is asked for again, and counts once', async () => {
    const page = await visit('/a');
    await eventually(['page_view']);
    let lost = 0;
    await page.route('**/collect/batch', async (route) => {
      const answer = await route.fetch();
      if ((lost += 1) > 2) await route.fulfill({ response: answer });
      else await route.abort();
    });
    await track(page, 'once');
    await until(async () => lost >= 3 && (await waiting(page)) === 0, 'the third try', 30_000);
    await stack.drained();
    expect((await names()).sort()).toEqual(['once', 'page_view']);
  });

  test('a 429 is tried again after Retry-After, what is refused for good is not', async () => {
    const page = await visit('/a');
    await eventually(['page_view']);
    const statuses = [429, 503, 400];
    const asked: number[] = [];
    await page.route('**/collect/batch', async (route) => {
      asked.push(Date.now());
      const status = statuses.shift()!;
      const headers = {
        'retry-after': '1',
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'Retry-After',
      };
      await route.fulfill({ status, headers, body: '{}' });
    });
    await track(page, 'refused');
    await until(() => asked.length === 3, 'three tries', 30_000);
    expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(900);
    await until(async () => (await waiting(page)) === 0, 'it to be given up');
    expect(await names()).toEqual(['page_view']);
  });
});
