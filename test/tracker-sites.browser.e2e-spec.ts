import { createHash } from 'node:crypto';
import { openPage } from './support/chromium.js';
import { STUB, type TestSite, track, useTestSite } from './support/site.js';
import { until } from './support/until.js';

// What sites, tag managers and browsers do to the script. In no test may an exception reach the page.

describe('the script on real sites, in Chromium', () => {
  let site: TestSite;
  useTestSite((opened) => (site = opened));

  const paths = (events: { event: string; url: string | null }[]) =>
    events.filter(({ event }) => event === 'page_view').map(({ url }) => url!.slice(site.origin.length));

  test('a page that is prerendered counts when it is shown, and so does what it tracks', async () => {
    let ran = false;
    site.onRequest = (url) => (ran ||= url === '/ran?true');
    site.pages['/first'] = `${site.tag}
      <script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script>
      <script>setInterval(async () => {
        if ((await (await fetch('/shall-go')).text()).includes('yes')) location.href = '/next';
      }, 100)</script>`;
    site.pages['/next'] = `${STUB}${site.tag}<script>
      tallystone.track('early');
      addEventListener('DOMContentLoaded', () => fetch('/ran?' + document.prerendering));
    </script>`;
    const close = openPage(`${site.origin}/first`);
    try {
      await until(() => ran, 'the next page to run before it is shown');
      await site.visit('/else');
      expect(paths(await site.eventually(['page_view', 'page_view']))).toEqual(['/first', '/else']);
      site.pages['/shall-go'] = 'yes';
      const events = await site.eventually(['page_view', 'page_view', 'page_view', 'early']);
      expect(paths(events)).toEqual(['/first', '/else', '/next']);
    } finally {
      await close();
    }
  });

  test('a tag that is there twice, and a body that is replaced, are one script', async () => {
    site.pages['/'] = `<body>${STUB}${site.tag}${site.tag}</body>`;
    const page = await site.visit('/');
    // As Turbo, htmx and pjax do: the address changes, the body is new, its scripts run again.
    for (const path of ['/second', '/third']) {
      await page.evaluate(`(async () => {
        history.pushState({}, '', ${JSON.stringify(path)});
        const body = document.createElement('body');
        const loaded = [...document.scripts].map((old) => new Promise((resolve) => {
          const script = document.createElement('script');
          for (const { name, value } of old.attributes) script.setAttribute(name, value);
          script.text = old.text;
          script.onload = resolve;
          if (!script.src) resolve();
          body.append(script);
        }));
        document.body.replaceWith(body);
        await Promise.all(loaded);
      })()`);
    }
    await track(page, 'last');
    expect(paths(await site.eventually(['page_view', 'page_view', 'page_view', 'last']))).toEqual([
      '/',
      '/second',
      '/third',
    ]);
  });

  test('crossorigin, integrity, type=module; white space in the key; a tag manager that keeps only src', async () => {
    const script = await (await fetch(site.scriptUrl)).text();
    const integrity = `sha384-${createHash('sha384').update(script).digest('base64')}`;
    const broken = `${site.key.slice(0, 20)}\n  ${site.key.slice(20)} `;
    const [plain, src] = [site.tag, `src="${site.scriptUrl}"`];
    site.pages['/crossorigin'] = plain.replace('defer', 'defer crossorigin');
    site.pages['/integrity'] = plain.replace('defer', `defer crossorigin="anonymous" integrity="${integrity}"`);
    site.pages['/module'] = plain.replace('defer', 'type="module"');
    site.pages['/white-space'] = plain.replace(site.key, broken);
    // A consent manager has blocked the tag, and loads the script by an element of its own.
    const loader = `<script>document.head.append(Object.assign(document.createElement('script'), { ${src.replace('src=', 'src: ')} }))</script>`;
    site.pages['/manager'] = plain.replace('defer', 'type="text/plain"') + loader;
    site.pages['/manager-without-src'] =
      plain.replace('defer', 'type="text/plain"').replace('src=', 'data-src=') + loader;
    const wanted = Object.keys(site.pages);
    const page = await site.visit(wanted[0]);
    for (const path of wanted.slice(1)) await page.goto(site.origin + path);
    expect(paths(await site.eventually(wanted.map(() => 'page_view'))).sort()).toEqual([...wanted].sort());
    expect(site.warnings).toEqual([]);
  });

  test.each([
    ['no key', (tag: string) => tag.replace('data-key', 'data-other')],
    ['a key that is none', (tag: string) => tag.replace(/data-key="[^"]*"/, 'data-key="YOUR WRITE KEY"')],
    [
      'another vendor’s data-key',
      (tag: string) => `${tag.replace('data-key', 'data-x')}<script data-key="a.b.c"></script>`,
    ],
  ])('%s: one warning, and calls do no harm', async (_what, changed) => {
    site.pages['/'] = changed(site.tag) + changed(site.tag);
    const page = await site.visit('/');
    await page.evaluate(`tallystone.track('x'); tallystone.identify('x'); tallystone.optOut(false)`);
    expect(site.warnings).toEqual(['tallystone: no data-key']);
  });

  test('calls made before the script has loaded are made up for, and data-user names the user', async () => {
    site.options = 'data-user="ann"';
    site.pages['/'] = `${STUB}<script>
      const { track } = tallystone;
      tallystone.track('early', { a: 1 });
      tallystone.identify('bob');
      onload = () => track('late');
    </script>${site.tag}`;
    const page = await site.visit('/');
    const events = await site.eventually(['early', 'page_view', 'late']);
    expect(Object.fromEntries(events.map(({ event, user }) => [event, user]))).toEqual({
      early: 'ann',
      page_view: 'bob',
      late: 'bob',
    });
    expect(events.find(({ event }) => event === 'early')!.metadata).toBe('{"a":1}');
    site.pages['/out'] = `${STUB}<script>tallystone.optOut(true)</script>${site.tag}`;
    await page.goto(`${site.origin}/out`);
    expect(await page.evaluate(`localStorage['tallystone.out']`)).toBe('1');
    // Somebody else's view, which comes later, is there: theirs is not on its way. data-user="" is nobody.
    site.pages['/else'] = site.tag.replace('data-user="ann"', 'data-user=""');
    await site.visit('/else', `try { localStorage['tallystone.user'] = 'old'; } catch { /* about:blank */ }`);
    const all = await site.eventually(['early', 'page_view', 'late', 'page_view']);
    expect(paths(all)).toEqual(['/', '/else']);
    expect(all.at(-1)!.user).toBeNull();
  });

  test.each([
    ['null', `Object.defineProperty(window, 'localStorage', { value: null })`],
    ['undefined', `Object.defineProperty(window, 'localStorage', { value: undefined })`],
    [
      'denied',
      `Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })`,
    ],
    [
      'broken',
      `Object.defineProperty(window, 'localStorage', { value: new Proxy({}, { get() { throw Error(); }, set() { throw Error(); }, ownKeys() { throw Error(); } }) })`,
    ],
  ])('localStorage that is %s: it works from memory', async (_what, before) => {
    const page = await site.visit('/', before);
    await page.evaluate(`tallystone.identify('ann')`);
    await track(page, 'known');
    const events = await site.eventually(['page_view', 'known']);
    expect(events.find(({ event }) => event === 'known')!.user).toBe('ann');
    await page.evaluate(`tallystone.optOut(true); tallystone.track('never'); tallystone.optOut(false)`);
    await track(page, 'again');
    await site.eventually(['page_view', 'known', 'again']);
  });

  test('clicks: the middle button, an area, SVG, and shadow roots', async () => {
    site.options = 'data-outbound';
    // The second file is loaded under the nonce of the first.
    site.options += ' nonce="n"';
    site.pages['/'] =
      `<meta http-equiv="Content-Security-Policy" content="script-src 'nonce-n'; connect-src ${site.stack.url}">${site.tag}
      <a id="link" href="http://localhost:1/link" target="_blank">out</a>
      <a id="own" href="/own" target="_blank" data-track="own">own</a>
      <img usemap="#map" width="50" height="50" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><map name="map">
      <area id="area" shape="rect" coords="0,0,50,50" href="http://localhost:1/area" target="_blank"></map>
      <svg width="50" height="50"><a id="svg" href="http://localhost:1/svg" target="_blank"><rect width="50" height="50"/></a></svg>
      <button id="middle" data-track="never">no link</button>
      <div id="host"></div><script nonce="n">host.attachShadow({ mode: 'open' }).innerHTML =
        '<button data-track="in shadow"><b id="inner">x</b></button><a id="far" href="http://localhost:1/shadow" target="_blank">out</a>'</script>`;
    const page = await site.visit('/');
    await until(
      () => page.evaluate(`performance.getEntriesByType('resource').some(({ name }) => name.includes('?extra'))`),
      'the second file',
    );
    await page.click('#link', { button: 'middle' });
    await page.click('#link', { button: 'right' });
    await page.click('#middle', { button: 'middle' });
    await page.click('#own', { button: 'middle' });
    await page.evaluate(`document.querySelector('#area').click()`);
    await page.click('#svg');
    await page.click('#inner');
    await page.click('#far');
    const outbound = ['link', 'area', 'svg', 'shadow'];
    const events = await site.eventually([
      ...['page_view', 'page_view', 'own', 'in shadow'],
      ...outbound.map(() => 'outbound_click'),
    ]);
    expect(
      events
        .filter(({ event }) => event === 'outbound_click')
        .map(({ metadata }) => metadata)
        .sort(),
    ).toEqual(outbound.map((path) => JSON.stringify({ href: `http://localhost:1/${path}` })).sort());
  });

  test.each([
    ['with the Navigation API', ''],
    ['without it', `delete window.navigation; delete Window.prototype.navigation`],
  ])('single-page sites %s: a view when the path changes, with the title it gets', async (_what, before) => {
    const page = await site.visit('/shop?utm_source=x', before);
    expect(await page.evaluate(`typeof navigation`)).toBe(before ? 'undefined' : 'object');
    if (before) await until(() => page.evaluate(`!history.pushState.toString().includes('native')`), 'the patch');
    await page.evaluate(`(() => {
      history.replaceState({}, '', '/shop');
      for (const typed of ['s', 'se', 'sea']) history.replaceState({}, '', '/shop?q=' + typed);
      location.hash = 'part';
      history.pushState({}, '', '/cart');
      document.title = 'The cart';
    })()`);
    if (!before) {
      await page.evaluate(`(async () => {
        navigation.addEventListener('navigate', (event) => event.intercept({ handler: async () => {} }), { once: true });
        await navigation.navigate('/navigated').finished;
      })()`);
    }
    await page.goBack();
    await track(page, 'end');
    const more = before ? [] : ['/navigated'];
    const expected = ['/shop?utm_source=x', '/cart', ...more, before ? '/shop?q=sea#part' : '/cart'];
    const events = await site.eventually([...expected.map(() => 'page_view'), 'end']);
    expect(paths(events)).toEqual(expected);
    const { metadata, referrer } = events.find(({ url }) => url === `${site.origin}/cart`)!;
    expect(JSON.parse(metadata!).title).toBe('The cart');
    expect(referrer).toBe(`${site.origin}/shop?utm_source=x`);
  });

  test('data-hash: a view when the hash route changes', async () => {
    site.options = 'data-hash';
    const page = await site.visit('/app#/');
    await page.evaluate(`(() => {
      for (const hash of ['#/users', '#/users?page=2', '#/users?page=3', '#/users/7']) location.hash = hash;
      history.replaceState({}, '', '/app?x=1#/users/7');
    })()`);
    const events = await site.eventually(['page_view', 'page_view', 'page_view']);
    expect(paths(events)).toEqual(['/app#/', '/app#/users', '/app#/users/7']);
  });

  test('a page view tells device, screen size, language and title', async () => {
    const ipad =
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15';
    const touch = (width: number) => `Object.defineProperty(Navigator.prototype, 'maxTouchPoints', { get: () => 5 });
      Object.defineProperty(screen, 'width', { get: () => ${width} })`;
    await site.visit('/desktop', undefined, { locale: 'pt-BR', screen: { width: 1512, height: 982 } });
    await site.visit('/mac', undefined, { userAgent: ipad });
    await site.visit('/ipad', touch(820), { userAgent: ipad });
    await site.visit('/iphone', touch(393), { userAgent: ipad });
    const page = await site.visit('/own');
    await page.evaluate(`tallystone.track('page_view', { title: 'Mine' })`);
    const events = await site.eventually(Array.from({ length: 6 }, () => 'page_view'));
    const devices = Object.fromEntries(events.map(({ url, device }) => [url!.slice(site.origin.length), device]));
    expect(devices).toEqual({
      '/desktop': 'desktop',
      '/mac': 'desktop',
      '/ipad': 'tablet',
      '/iphone': 'mobile',
      '/own': 'desktop',
    });
    const told = events.map(({ metadata }) => JSON.parse(metadata!) as Record<string, string>);
    expect(told).toContainEqual({ screenSize: '1512x982', language: 'pt-BR', title: '/desktop' });
    expect(told.at(-1)).toMatchObject({ title: 'Mine', language: 'en-US' });
  });
});
