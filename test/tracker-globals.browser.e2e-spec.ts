import { call } from './support/client.js';
import { type TestSite, track, waiting, useTestSite } from './support/site.js';
import { until } from './support/until.js';

// Sites that hide what the script reads: by variables of their own, by elements with the names of properties, by read-only
// properties; and sites where the second file does not load. In no test may an exception reach the page.

const NO_NAVIGATION = 'delete window.navigation; delete Window.prototype.navigation;';

/** Scripts that run before ours, on one page each. Every one of them must still be counted. */
const COUNTED = [
  `var URL = 'https://api.example'`,
  `const URL = 'https://api.example'`,
  `class URL {}`,
  `var screen = null`,
  `const screen = document.body`,
  `var screen = document.body`,
  `let navigator = null`,
  `const crypto = null`,
  `const fetch = null`,
  `const history = { pushState: null }`,
  `var navigation = { open() {} }`,
  `var navigation = document.createElement('nav')`,
  `const navigation = 1`,
  `var name = 'x', status = 1, path = 2, track = 3, page = 4`,
  `console = { log() {} }`,
  `console = null`,
  `const console = null`,
  `var Promise = class {}`,
  `var EventTarget = null, Element = null`,
  `Object.defineProperty(history, 'pushState', { value: history.pushState })`,
  `Object.freeze(history)`,
  `tallystone = 5`,
  `var tallystone = null`,
];
/** Names of elements that stand in place of the document's properties. */
const NAMES = ['scripts', 'title', 'referrer', 'currentScript', 'prerendering', 'addEventListener', 'baseURI', 'forms'];
/** What the script cannot do without: nothing is counted, and nothing thrown. */
const NEEDED = ['fetch', 'JSON', 'Date', 'Math', 'Object', 'Array', 'clearTimeout', 'addEventListener'];

describe('the script on sites that hide what it reads, in Chromium', () => {
  let site: TestSite;
  useTestSite((opened) => (site = opened));

  const views = async (count: number) => {
    const events = await site.eventually(Array.from({ length: count }, () => 'page_view'));
    return Object.fromEntries(events.map(({ url, metadata }) => [url!.slice(site.origin.length), metadata!]));
  };
  const extraLoaded = (page: { evaluate: (source: string) => Promise<unknown> }) =>
    until(
      async () =>
        (await page.evaluate(
          `performance.getEntriesByType('resource').some(({ name }) => name.includes('?extra'))`,
        )) === true,
      'the second file',
    );

  test.each([
    ['', ''],
    [' without the Navigation API', NO_NAVIGATION],
  ])('variables and elements of the site%s: each page counts, with its clicks', async (_what, before) => {
    site.options = 'data-outbound';
    const pages = [
      ...COUNTED.map((source) => `<body><script>${source}</script>${site.tag}`),
      ...NAMES.map((name) => `<body><img name="${name}">${site.tag}`),
      `<body><form id="navigation"></form><form id="screen"></form><div id="tallystone"></div>${site.tag}`,
    ];
    pages.forEach((html, index) => (site.pages[`/${index}`] = `${html}<button data-track="b"></button>`));
    const page = await site.visit('/0', before);
    for (let index = 0; index < pages.length; index += 1) {
      if (index) await page.goto(`${site.origin}/${index}`);
      await page.evaluate(`document.querySelector('button').click()`);
    }
    const all = pages.flatMap(() => ['page_view', 'b']);
    const events = await site.eventually(all);
    for (const { event, metadata } of events) {
      if (event === 'page_view') expect(metadata).not.toMatch(/undefined|object|NaN/);
    }
  });

  test('what the script cannot do without is missing: no exception', async () => {
    for (const name of NEEDED) {
      site.pages[`/${name}`] =
        `<script>window.${name} = null</script>${site.tag}<button data-track="b"></button><script>
        onload = () => {
          window.tallystone?.track('x');
          window.tallystone?.identify('x');
          document.querySelector('button').click();
        };
      </script>`;
    }
    const page = await site.visit('/');
    for (const name of NEEDED) await page.goto(`${site.origin}/${name}`);
    await page.goto(`${site.origin}/last`);
    await until(
      async () => (await site.counted()).some(({ url }) => url === `${site.origin}/last`),
      'the view of a page where nothing is missing',
    );
    expect(site.errors).toEqual([]);
  });

  test('an element named "navigation", and a history that is read-only: changes of the path still count', async () => {
    site.pages['/'] = `<nav id="navigation"></nav>${site.tag}`;
    const page = await site.visit('/', NO_NAVIGATION);
    await until(() => page.evaluate(`!history.pushState.toString().includes('native')`), 'the patch');
    await page.evaluate(`history.pushState({}, '', '/next')`);
    expect(Object.keys(await views(2))).toEqual(['/', '/next']);
  });

  test('forms whose controls have the names of methods: clicks in them throw nothing', async () => {
    site.options = 'data-outbound';
    const names = ['matches', 'closest', 'href', 'tagName', 'dataset', 'getAttribute', 'addEventListener', 'protocol'];
    site.pages['/'] = `${site.tag}<form data-track="form">${names.map((name) => `<input name="${name}">`).join('')}
      <button type="button">x</button><a href="http://localhost:1/away" target="_blank">out</a></form>`;
    const page = await site.visit('/');
    await extraLoaded(page);
    await page.evaluate(`(() => {
      document.querySelector('button').click();
      document.querySelector('button').dispatchEvent(new MouseEvent('auxclick', { bubbles: true, button: 1 }));
      document.querySelector('a').click();
    })()`);
    await site.eventually(['page_view', 'outbound_click']);
  });

  test.each([
    ['drops what it is given', `new Proxy({}, { set: () => true })`],
    ['drops it, and answers with null', `new Proxy({}, { set: () => true, get: () => null })`],
    ['throws when it is read', `new Proxy({}, { get() { throw 1; } })`],
    [
      'throws whatever is done',
      `new Proxy({}, { get() { throw 1; }, set() { throw 1; }, deleteProperty() { throw 1; } })`,
    ],
    ['is frozen', `Object.freeze({})`],
    ['is sealed and old', `Object.seal({ 'tallystone.user': 'old' })`],
  ])('localStorage that %s: it works from memory', async (_what, storage) => {
    const page = await site.visit('/', `Object.defineProperty(window, 'localStorage', { value: ${storage} })`);
    await page.evaluate(`tallystone.identify('ann'); tallystone.track('known')`);
    const events = await site.eventually(['page_view', 'known']);
    expect(events.find(({ event }) => event === 'known')!.user).toBe('ann');
    await page.evaluate(`tallystone.optOut(true); tallystone.track('never'); tallystone.optOut(false)`);
    await track(page, 'again');
    await site.eventually(['page_view', 'known', 'again']);
  });

  test('localStorage that begins to throw: what is tracked from then on is sent from memory', async () => {
    const fail = `if (globalThis.broken) throw new Error('gone');`;
    const storage = `new Proxy({}, {
      get(target, name) { ${fail} return target[name]; },
      set(target, name, text) { ${fail} target[name] = text; return true; },
      deleteProperty(target, name) { ${fail} return delete target[name]; },
      ownKeys(target) { ${fail} return Reflect.ownKeys(target); },
    })`;
    const page = await site.visit('/', `Object.defineProperty(window, 'localStorage', { value: ${storage} })`);
    await site.eventually(['page_view']);
    await page.evaluate(`broken = true`);
    await page.evaluate(`tallystone.identify('ann'); tallystone.track('late')`);
    const events = await site.eventually(['page_view', 'late']);
    expect(events.find(({ event }) => event === 'late')!.user).toBe('ann');
    expect(site.warnings).toEqual([]);
  });

  test.each([
    ['Do Not Track', `Object.defineProperty(navigator, 'doNotTrack', { value: '1' });`],
    ['Global Privacy Control', `Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });`],
    ['an opt-out', `try { localStorage['tallystone.out'] = '1'; } catch { /* about:blank */ }`],
  ])('%s: neither identify nor data-user leaves the user in the browser', async (_what, before) => {
    site.options = 'data-user="ann"';
    const page = await site.visit(
      '/',
      `${before} try { localStorage['tallystone.user'] = 'old'; } catch { /* about:blank */ }`,
    );
    await page.evaluate(`tallystone.identify('bob')`);
    expect(await page.evaluate(`localStorage['tallystone.user']`)).toBeUndefined();
  });

  test('optOut(true) forgets the user', async () => {
    const page = await site.visit('/');
    await site.eventually(['page_view']);
    await page.evaluate(`tallystone.identify('bob'); tallystone.optOut(true)`);
    expect(await page.evaluate(`localStorage['tallystone.user']`)).toBeUndefined();
  });

  test('the second file fails once: nothing is lost', async () => {
    const page = await site.visit('/');
    await site.eventually(['page_view']);
    await page.route('**/t.js?extra*', (route) => route.abort(), { times: 1 });
    await page.evaluate(`tallystone.track('ok'); tallystone.identify('x'.repeat(200)); tallystone.track('withid')`);
    const events = await site.eventually(['page_view', 'ok', 'withid']);
    expect(events.at(-1)!.user).toBeNull();
    expect(await page.evaluate(`localStorage['tallystone.user']`)).toBeUndefined();
    expect(site.warnings.join()).toContain('128 characters');
  });

  test.each([
    ['is blocked', (route: { abort(): Promise<void> }) => route.abort()],
    [
      'is the first file',
      async (route: { fulfill(answer: object): Promise<void> }) =>
        route.fulfill({
          body: await (await fetch(site.scriptUrl)).text(),
          headers: { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' },
        }),
    ],
  ])('the second file %s: events are counted, a refused user is forgotten with a warning', async (_what, answer) => {
    site.options = 'data-outbound';
    const page = await site.visit('/', NO_NAVIGATION);
    await page.context().route('**/t.js?extra*', answer);
    await page.evaluate(`localStorage['tallystone.user'] = 'x'.repeat(200)`);
    await page.goto(`${site.origin}/refused`);
    await until(() => site.warnings.some((text) => text.includes('128 characters')), 'the warning');
    await track(page, 'good');
    await page.evaluate(`history.pushState({}, '', '/else'); document.body.click()`);
    await site.eventually(['page_view', 'good']);
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
  });

  test('data-hash: only #/ and #! begin a route, and an empty route is none', async () => {
    site.options = 'data-hash';
    const page = await site.visit('/x');
    await page.evaluate(`(() => {
      for (const hash of ['#/', '#', '#!/', '#!', '#/?q=1', '#section-1', '#section-2'])
        history.replaceState({}, '', '/x' + hash);
      history.pushState({}, '', '/x#!/users?page=2');
      history.pushState({}, '', '/x#!/users?page=3');
    })()`);
    await track(page, 'end');
    const events = await site.eventually(['page_view', 'page_view', 'end']);
    expect(events.map(({ url }) => url!.slice(site.origin.length))).toEqual(
      expect.arrayContaining(['/x', '/x#!/users?page=2']),
    );
  });

  test('a tag without a key that runs first: a later tag counts, and makes the calls', async () => {
    const bare = `<script src="${site.scriptUrl}"></script>`;
    site.pages['/'] = `${bare}<script>const { track } = tallystone; track('early')</script>${bare}${site.tag}`;
    const page = await site.visit('/');
    await page.evaluate(`track('kept')`);
    await site.eventually(['early', 'page_view', 'kept']);
    expect(site.warnings).toEqual(['tallystone: no data-key']);
  });

  test('crossorigin="use-credentials" counts', async () => {
    site.pages['/'] = site.tag.replace('defer', 'defer crossorigin="use-credentials"');
    site.pages['/module'] = site.tag.replace('defer', 'type="module" crossorigin="use-credentials"');
    const page = await site.visit('/');
    await page.goto(`${site.origin}/module`);
    await views(2);
    const { headers } = await call(site.scriptUrl, { headers: { origin: site.origin } });
    expect(headers.get('access-control-allow-origin')).toBe(site.origin);
    expect(headers.get('vary')?.toLowerCase()).toBe('origin, accept-encoding');
  });

  test('metadata of a page view that is no object is refused, with a warning', async () => {
    const page = await site.visit('/');
    await page.evaluate(`tallystone.track('page_view', 'home'); tallystone.track('page_view', ['home'])`);
    await until(() => site.warnings.filter((text) => text.includes('must be an object')).length === 2, 'two warnings');
    expect((await views(1))['/']).not.toContain('home');
  });

  test('a clock beyond the year 9999, and one before the year 0: events have the server’s time', async () => {
    const clock = (year: number) => `const now = Date.now.bind(Date);
      Date.now = () => now() + ${year - 2026} * 31556952000;
      Date = class extends Date { constructor(...args) { super(...(args.length ? args : [Date.now()])); } };`;
    const page = await site.visit('/future', clock(10500));
    await track(page, 'late');
    await site.visit('/past', clock(-100));
    for (const { at } of await site.eventually(['page_view', 'late', 'page_view'])) {
      expect(Math.abs(Date.now() - Date.parse(`${at}Z`))).toBeLessThan(60_000);
    }
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
  });
});
