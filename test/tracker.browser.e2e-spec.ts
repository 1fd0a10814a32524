import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call, createKey, signIn } from './support/client.js';
import { type TestSite, track, waiting, useTestSite } from './support/site.js';
import { until } from './support/until.js';

/** 1.8 kB of 1,024 bytes. */
const GZIPPED_MAX_BYTES = 1800;

test('the script is at most 1.8 kB gzipped', () => {
  const script = readFileSync(join(process.cwd(), 'dist', 'tracker', 't.js'));
  expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(GZIPPED_MAX_BYTES);
});

describe('the script of a web site, in Chromium', () => {
  let site: TestSite;
  useTestSite((opened) => (site = opened));

  const clickable = () =>
    `${site.tag}<button data-track="buy"><b id="buy">Buy</b></button><a id="out" href="http://localhost:1/away" target="_blank">out</a>`;

  test('is served to pages of other origins, and kept by browsers for an hour', async () => {
    const { status, headers } = await call(`${site.stack.url}/t.js`);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('cache-control')).toBe('public, max-age=3600');
    const again = await call(`${site.stack.url}/t.js`, { headers: { 'if-none-match': headers.get('etag')! } });
    expect(again.status).toBe(304);
  });

  test('counts page views, those without a load too, and what a page tells; sets no cookie', async () => {
    const page = await site.visit('/first');
    await page.evaluate(`history.pushState({}, '', '/second')`);
    await page.evaluate(`history.replaceState({}, '', '/second#part')`);
    await page.goBack();
    await track(page, 'signup', { plan: 'pro' });
    await page.evaluate(`tallystone.identify('ann')`);
    await track(page, 'known');
    await site.eventually(['page_view', 'page_view', 'page_view', 'signup', 'known']);
    const events = await site.counted();
    const views = events.filter(({ event }) => event === 'page_view');
    expect(views.map(({ url }) => url)).toEqual(['/first', '/second', '/first'].map((path) => site.origin + path));
    expect(views.map(({ referrer }) => referrer)).toEqual([null, `${site.origin}/first`, `${site.origin}/second`]);
    expect(events.find(({ event }) => event === 'signup')).toMatchObject({ metadata: '{"plan":"pro"}', user: null });
    expect(events.find(({ event }) => event === 'known')!.user).toBe('ann');
    expect(events.every(({ event_id: id }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/.test(id))).toBe(true);
    expect(await page.context().cookies()).toEqual([]);
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
  });

  test('counts clicks on what is marked, and on links to other sites where the tag says so', async () => {
    site.options = 'data-outbound';
    site.pages['/'] = clickable();
    const page = await site.visit();
    await page.click('#buy');
    await page.click('#out');
    await site.eventually(['page_view', 'buy', 'outbound_click']);
    expect((await site.counted()).find(({ event }) => event === 'outbound_click')!.metadata).toBe(
      '{"href":"http://localhost:1/away"}',
    );
    site.options = '';
    site.pages['/'] = clickable();
    await site.stack.query('DELETE FROM events');
    const other = await site.visit();
    await other.click('#out');
    await other.click('#buy');
    await site.eventually(['page_view', 'buy']);
  });

  test.each<[string, string]>([
    ['Do Not Track', `Object.defineProperty(navigator, 'doNotTrack', { value: '1' })`],
    ['Global Privacy Control', `Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })`],
    ['an opt-out', `try { localStorage['tallystone.out'] = '1'; } catch { /* about:blank */ }`],
  ])('%s is respected', async (_what, script) => {
    const page = await site.visit('/', script);
    await track(page, 'never');
    expect(await waiting(page)).toBe(0);
    const kept = await page.evaluate<string[]>('Object.keys(localStorage)');
    expect(kept).toEqual(script.includes('tallystone.out') ? ['tallystone.out'] : []);
    // Somebody else's page view, which comes later, is there: theirs is not on its way.
    await site.visit('/else');
    await site.eventually(['page_view']);
    expect((await site.counted())[0]!.url).toBe(`${site.origin}/else`);
  });

  test('an opt-out holds where storage is full, and events are counted there too', async () => {
    const page = await site.visit();
    await site.eventually(['page_view']);
    await page.evaluate(`(() => {
      for (let size = 1 << 20; size >= 1; size >>= 1)
        for (let i = 0; ; i += 1) try { localStorage['full' + size + i] = 'x'.repeat(size); } catch { break; }
    })()`);
    await track(page, 'full');
    await site.eventually(['page_view', 'full']);
    await page.context().setOffline(true);
    await track(page, 'waits');
    await page.evaluate(`tallystone.optOut(true)`);
    expect(await page.evaluate(`localStorage['tallystone.out']`)).toBe('1');
    await page.context().setOffline(false);
    await page.reload();
    await track(page, 'silent');
    await site.visit('/else');
    await site.eventually(['page_view', 'full', 'page_view']);
  });

  test('what waited in storage that is full now is sent once and leaves it, and so does the user', async () => {
    const page = await site.visit();
    await site.eventually(['page_view']);
    await page.context().setOffline(true);
    await page.evaluate(`tallystone.identify('ann'); for (const name of ['a', 'b', 'c']) tallystone.track(name)`);
    await page.evaluate(`(() => {
      for (let size = 1 << 20; size >= 1; size >>= 1)
        for (let i = 0; ; i += 1) try { localStorage['full' + size + i] = 'x'.repeat(size); } catch { break; }
    })()`);
    await page.evaluate(`tallystone.track('d', { text: 'x'.repeat(500) }); tallystone.identify(null)`);
    await page.context().setOffline(false);
    await track(page, 'e');
    const events = await site.eventually(['page_view', 'a', 'b', 'c', 'd', 'e']);
    expect(events.find(({ event }) => event === 'e')!.user).not.toBe('ann');
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
    expect(await page.evaluate(`localStorage['tallystone.user']`)).toBeUndefined();
    await page.goto(`${site.origin}/next`);
    const later = await site.eventually(['page_view', 'a', 'b', 'c', 'd', 'e', 'page_view']);
    expect(later.find(({ url }) => url?.endsWith('/next'))!.user).not.toBe('ann');
  });

  test('a new key of the app sends what waited for the old one', async () => {
    const page = await site.visit('/a');
    await site.eventually(['page_view']);
    await page.context().setOffline(true);
    await track(page, 'for the old key');
    await page.context().setOffline(false);
    site.key = (await createKey(site.stack.url, site.account, { appId: site.appId })).apiKey;
    await page.goto(`${site.origin}/b`);
    await site.eventually(['page_view', 'for the old key', 'page_view']);
  });

  test('whoever counts without a pause is heard meanwhile; of nobody known is nobody; coming back is a view', async () => {
    const page = await site.visit();
    await page.evaluate(`tallystone.identify(undefined); onTick = setInterval(() => tallystone.track('tick'), 50)`);
    await until(
      async () => (await site.counted()).filter(({ event }) => event === 'tick').length > 5,
      'ticks while it ticks',
    );
    await page.evaluate(`clearInterval(onTick)`);
    expect(new Set((await site.counted()).map(({ user }) => user))).toEqual(new Set([null]));
    await page.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`);
    await until(
      async () => (await site.counted()).filter(({ event }) => event === 'page_view').length === 2,
      'the second view',
    );
  });

  test('opting out throws away what waits; opting in counts again', async () => {
    const page = await site.visit();
    await site.eventually(['page_view']);
    await page.context().setOffline(true);
    await track(page, 'thrown away');
    await page.evaluate(`tallystone.optOut(true)`);
    expect(await waiting(page)).toBe(0);
    await track(page, 'silent');
    await page.evaluate(`tallystone.optOut(false)`);
    await track(page, 'again');
    await page.context().setOffline(false);
    await site.eventually(['page_view', 'again']);
  });

  test('offline time, a closed page and a server that restarts lose nothing and count nothing twice', async () => {
    const page = await site.visit('/a');
    await site.eventually(['page_view']);
    await page.context().setOffline(true);
    for (let i = 0; i < 70; i += 1) await track(page, 'offline');
    expect(await waiting(page)).toBe(70);
    const api = site.stack.apis[0]!;
    await api.process.stop('SIGKILL');
    await page.context().setOffline(false);
    await track(page, 'no server');
    const other = await page.context().newPage();
    await other.goto(`${site.origin}/b`).catch(() => undefined);
    await page.close();
    site.stack.apis.splice(0);
    await site.stack.startApi({ PORT: new URL(api.url).port });
    // A page that is opened later sends what the closed one left, beside its own.
    const later = await other.context().newPage();
    await later.goto(`${site.origin}/c`);
    // /b too: the browser had the script already.
    const expected = [
      'page_view',
      'page_view',
      'page_view',
      'no server',
      ...Array.from({ length: 70 }, () => 'offline'),
    ];
    await until(async () => (await site.names()).length >= expected.length, 'all events');
    await until(async () => (await waiting(later)) === 0, 'the queue to be empty');
    await site.stack.drained();
    expect((await site.names()).sort()).toEqual(expected.sort());
    const answer = await call(`${site.stack.url}/api/analytics/event-summary?event=offline`, {
      token: (await signIn(site.stack.url)).accessToken,
    });
    expect(answer.body.count).toBe(70);
  });

  test('an answer that gets lost is asked for again, and counts once', async () => {
    const page = await site.visit('/a');
    await site.eventually(['page_view']);
    let lost = 0;
    await page.route('**/api/ingest/batch', async (route) => {
      const answer = await route.fetch();
      if ((lost += 1) > 2) await route.fulfill({ response: answer });
      else await route.abort();
    });
    await track(page, 'once');
    await until(async () => lost >= 3 && (await waiting(page)) === 0, 'the third try');
    await site.stack.drained();
    expect((await site.names()).sort()).toEqual(['once', 'page_view']);
  });

  test('where the second file is blocked, pages are not disturbed, and a refused event holds up no other', async () => {
    site.options = 'data-outbound';
    // Elements whose names stand in the place of the document's own properties.
    site.pages['/clobbered'] = `${site.tag}<form name="title"></form><form name="referrer"></form>`;
    const page = await site.visit('/', 'delete Window.prototype.navigation; delete window.navigation');
    await page.route('**/t.js?extra*', (route) => route.abort());
    await page.goto(`${site.origin}/clobbered`);
    await page.evaluate(`tallystone.track('array', [1]); tallystone.track('good')`);
    await site.eventually(['page_view', 'page_view', 'good']);
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
    expect(site.warnings.length).toBeGreaterThan(0);
    expect(site.errors).toEqual([]);
  });

  test('a 429 is tried again after Retry-After, what is refused for good is not', async () => {
    const page = await site.visit('/a');
    await site.eventually(['page_view']);
    const statuses = [429, 503, 400];
    const asked: number[] = [];
    await page.route('**/api/ingest/batch', async (route) => {
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
    await until(() => asked.length === 3, 'three tries');
    expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(900);
    await until(async () => (await waiting(page)) === 0, 'it to be given up');
    expect(await site.names()).toEqual(['page_view']);
  });
});
