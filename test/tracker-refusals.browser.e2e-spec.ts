import fc from 'fast-check';
import { call, createKey } from './support/client.js';
import { STUB, type TestSite, track, waiting, useTestSite } from './support/site.js';
import { until } from './support/until.js';

// What the script is given, and what the server refuses. In no test may an exception reach the page.

/** JavaScript of values that a function may be given by mistake. */
const ODD = [
  ...[
    'undefined',
    'null',
    'NaN',
    '0',
    '-1',
    '42n',
    'true',
    `Symbol('x')`,
    `''`,
    `' '`,
    `'a\\0'`,
    `'\\ud83d'`,
    `'x'.repeat(4e4)`,
  ],
  ...[
    '[]',
    '[1, [2]]',
    '({})',
    'Object.create(null)',
    '() => 1',
    'class {}',
    '/x/',
    'new Date(NaN)',
    'new Map([[1, 2]])',
  ],
  ...[
    'document',
    'window',
    'document.body',
    `new Event('x')`,
    'new Uint8Array(9)',
    `new Error('x')`,
    'Infinity',
    '2 ** 60',
  ],
  ...['({ toJSON() { throw null; } })', '({ get a() { throw new Error(); } })', '({ toString() { throw 1; } })'],
  ...['(() => { const a = { b: [] }; a.b.push(a); return a; })()', `JSON.parse('{"__proto__":{"a":1}}')`],
  ...['new Proxy({}, { get() { throw 1; }, ownKeys() { throw 1; }, getPrototypeOf() { throw 1; } })'],
  ...[`['track']`, `['nothing', []]`, `['constructor', ['x']]`, `['track', { [Symbol.iterator]() { throw 1; } }]`],
  ...[`[{ toString() { throw 1; } }, []]`, `JSON.parse('['.repeat(2000) + ']'.repeat(2000))`],
];

/** A device's clock that is wrong while `fast` is true, unless the expression does without. @param ms what it says; `now()` is right */
const clock = (ms: string) => `const now = Date.now.bind(Date);
  globalThis.fast = true;
  Date = class extends Date { constructor(...args) { super(...(args.length ? args : [Date.now()])); } };
  Date.now = () => Math.floor(${ms});`;

describe('the script and events that cannot be taken as they are, in Chromium', () => {
  let site: TestSite;
  useTestSite((opened) => (site = opened));

  const warned = (text: string) =>
    until(() => site.warnings.some((warning) => warning.includes(text)), `a warning: ${text}`).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; warnings: ${JSON.stringify(site.warnings)}`);
      },
    );
  test('identify: nobody, text, or a warning; no event is lost', async () => {
    // What an older version of the script, or the site itself, has left.
    const page = await site.visit(
      '/',
      `try { localStorage['tallystone.user'] ??= 'x'.repeat(200); } catch { /* about:blank */ }`,
    );
    await warned('userId: must be shorter than or equal to 128 characters');
    const cases: [name: string, id: string, user: string | null][] = [
      ['empty', `''`, null],
      ['number', '42', '42'],
      ['zero', '0', '0'],
      ['negative', '-1.5', '-1.5'],
      ['no number', 'NaN', null],
      ['endless', '-Infinity', null],
      ['bigint', '42n', '42'],
      ['object', `{ id: 1 }`, null],
      ['array', `['ann']`, null],
      ['function', `() => 1`, null],
      ['symbol', `Symbol('x')`, null],
      ['false', 'false', null],
      ['true', 'true', null],
      ['too long', `'x'.repeat(129)`, null],
      ['blank', `'  '`, null],
      ['NUL', `'a\\0'`, null],
      ['ann', `'ann'`, 'ann'],
      ['half an emoji', `'ann\\ud83d'`, null],
      ['nobody', 'null', null],
      ['nothing', '', null],
    ];
    for (const [name, id] of cases) {
      await page.evaluate(`tallystone.identify('before'); tallystone.identify(${id}); tallystone.track('${name}')`);
    }
    const events = await site.eventually(['page_view', ...cases.map(([name]) => name)]);
    expect(Object.fromEntries(events.slice(1).map(({ event, user }) => [event, user]))).toEqual(
      Object.fromEntries(cases.map(([name, , user]) => [name, user])),
    );
    expect(events.find(({ event }) => event === 'page_view')!.user).toBeNull();
    await warned('not text');
    await warned('userId: must not be blank');
  });

  test('metadata and names that cannot be sent: counted as far as possible, with a warning; nothing else is lost', async () => {
    const page = await site.visit('/');
    await page.evaluate(`(() => {
      const circular = { a: 1 };
      circular.self = circular;
      tallystone.track('circular', circular);
      tallystone.track('bigint', { n: 10n });
      tallystone.track('throws', { get a() { throw new Error('no'); } });
      tallystone.track('half \\ud83d', { text: 'half \\ud83d, whole \\ud83d\\ude00', 'key\\udc00': 1, path: 'C:\\\\ud83d' });
      tallystone.track('array', [1]);
      tallystone.track('x'.repeat(129));
      tallystone.track('large', { text: 'x'.repeat(33 * 1024) });
      tallystone.track('huge', { text: 'x'.repeat(2 ** 20) });
      tallystone.track('poison', JSON.parse('{"__proto__":1}'));
      tallystone.track('deep', { a: JSON.parse('['.repeat(50) + ']'.repeat(50)) });
      tallystone.track(' ');
      tallystone.track();
      tallystone.track({ no: 'name' });
      tallystone.track('good');
    })()`);
    const events = await site.eventually(['page_view', 'circular', 'bigint', 'throws', 'half \ufffd', 'good']);
    const half = events.find(({ event }) => event.startsWith('half'))!;
    expect(JSON.parse(half.metadata!)).toEqual({
      text: 'half \ufffd, whole \u{1f600}',
      'key\ufffd': 1,
      path: 'C:\\ud83d',
    });
    await warned('circular');
    await warned('BigInt');
    for (const words of [
      'event: must be shorter than or equal to 128 characters',
      'metadata: is 33803 bytes of JSON; the limit is 32768',
      'The body is larger than 1 MiB.',
      'a key such as __proto__',
      'event: must not be blank',
      'refused: "array". metadata: must be an object',
      'corrected: "half ',
    ]) {
      await warned(words);
    }
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
  });

  test('whatever its functions and the stub’s queue are given, nothing is thrown, and the next event counts', async () => {
    const value = fc.oneof(
      fc.constantFrom(...ODD),
      fc.json(),
      fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    );
    const args = fc.array(
      value.map((source) => `(${source.replaceAll('<', '\\x3c')})`),
      { maxLength: 3 },
    );
    const calls = fc.array(fc.tuple(fc.constantFrom('track', 'identify', 'optOut', 'q.push'), args), {
      minLength: 1,
    });
    // The stub holds them when the script comes.
    const queued = fc.sample(args, 100).map((some) => `() => ['track', [${some.join()}]], () => ${some[0] ?? '[]'}`);
    site.pages['/'] =
      `${STUB}<script>for (const call of [${queued.join()}]) tallystone.q.push(call())</script>${site.tag}`;
    const page = await site.visit('/');
    await fc.assert(
      fc.asyncProperty(calls, async (some) => {
        const source = some.map(([name, values]) => `() => tallystone.${name}(${values.join()})`).join();
        const thrown = await page.evaluate(
          `[${source}].flatMap((call) => { try { call(); return []; } catch (error) { return [call + ' threw ' + error]; } })`,
        );
        expect(thrown).toEqual([]);
      }),
      { numRuns: 40 },
    );
    await page.evaluate(`tallystone.optOut(false); tallystone.identify(); tallystone.track('the end')`);
    await until(async () => (await site.names()).includes('the end'), 'the last event');
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
  });

  test('a key that is revoked while the page is open: what is tracked waits for the new key', async () => {
    const page = await site.visit('/');
    await site.eventually(['page_view']);
    const { accessToken: token } = site.account;
    await call(`${site.stack.url}/api/auth/revoke`, { token, body: { keyId: site.keyId } });
    await track(page, 'first');
    await warned('revoked');
    for (let i = 0; i < 5; i += 1) await track(page, 'more');
    expect(await waiting(page)).toBe(6);
    site.key = (await createKey(site.stack.url, site.account, { appId: site.appId })).apiKey;
    await page.goto(`${site.origin}/new-key`);
    await site.eventually(['page_view', 'page_view', 'first', ...Array.from({ length: 5 }, () => 'more')]);
  });

  test('a clock that is years behind, in an app that keeps events for 30 days', async () => {
    const { accessToken: token } = site.account;
    await call(`${site.stack.url}/api/apps/${site.appId}`, { method: 'PATCH', token, body: { retentionDays: 30 } });
    const page = await site.visit('/', clock(`now() - 10 * 365 * 864e5`));
    await track(page, 'now');
    for (const { at } of await site.eventually(['page_view', 'now'])) {
      expect(Date.now() - Date.parse(`${at}Z`)).toBeLessThan(60_000);
    }
  });

  test.each([
    ['is at 1970', `now() - 56 * 365 * 864e5`],
    ['is before 1970', `-1e9 + performance.now()`],
    ['was years ahead and has been set right', `fast ? now() + 5 * 365 * 864e5 : now()`],
  ])('a clock that %s: what waits is shifted to the server’s time, and sent once more', async (_what, wrong) => {
    const page = await site.visit('/', clock(wrong));
    await page.context().setOffline(true);
    await track(page, 'waits');
    await page.evaluate(`fast = false`);
    const began = Date.now();
    await page.context().setOffline(false);
    await track(page, 'online');
    const events = await site.eventually(['page_view', 'waits', 'online']);
    for (const { at } of events) {
      expect(Date.parse(`${at}Z`)).toBeGreaterThan(began - 30_000);
      expect(Date.parse(`${at}Z`)).toBeLessThan(Date.now() + 1000);
    }
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
    expect(site.warnings).toEqual([]);
  });

  test('two tabs that shift the same events count them once', async () => {
    const page = await site.visit('/', clock(`now() - 56 * 365 * 864e5`));
    const other = await page.context().newPage();
    await other.goto(`${site.origin}/other`);
    await site.eventually(['page_view', 'page_view']);
    await page.reload();
    await page.context().setOffline(true);
    for (const name of ['a', 'b', 'c']) await track(page, name);
    await page.context().setOffline(false);
    await site.eventually(['page_view', 'page_view', 'page_view', 'a', 'b', 'c']);
    await site.stack.drained();
    expect(await site.names()).toHaveLength(6);
    expect(await site.stack.query('SELECT 1 FROM dead_letters')).toEqual([]);
  });

  test('what is no event in the queue is dropped at once, and the events beside it are sent', async () => {
    const page = await site.visit('/');
    await site.eventually(['page_view']);
    await page.context().setOffline(true);
    await track(page, 'good');
    await page.evaluate(`(() => {
      const [name] = Object.keys(localStorage).filter((key) => /^tallystone\\.0.{7}\\./.test(key));
      ['{broken', '', 'null', '5'].forEach((text, index) => (localStorage[name + index] = text));
    })()`);
    let posts = 0;
    page.on('request', (request) => (posts += request.method() === 'POST' ? 1 : 0));
    await page.context().setOffline(false);
    await track(page, 'better');
    await site.eventually(['page_view', 'good', 'better']);
    await until(async () => (await waiting(page)) === 0, 'the queue to be empty');
    expect(posts).toBeLessThanOrEqual(3);
    await warned('dropped what is no event');
  });

  test('a proxy that refuses a request without a reason: the console says its status', async () => {
    const page = await site.visit('/');
    await site.eventually(['page_view']);
    const cors = { 'access-control-allow-origin': '*' };
    const refusal = { status: 413, contentType: 'text/html', headers: cors, body: '<h1>Too large</h1>' };
    await page.route('**/api/ingest/batch', (route) => route.fulfill(refusal), { times: 1 });
    await track(page, 'refused');
    await warned('refused: "refused". the server answered 413');
    await track(page, 'good');
    await site.eventually(['page_view', 'good']);
  });

  test('a beacon without a type is taken', async () => {
    const page = await site.visit('/');
    await page.evaluate(`(() => {
      const send = (path, event) => navigator.sendBeacon('${site.stack.url}' + path, new Blob([JSON.stringify(event)]));
      send('/api/analytics/collect', { apiKey: '${site.key}', event: 'one' });
      send('/collect/batch', { apiKey: '${site.key}', events: [{ event: 'two' }] });
    })()`);
    await site.eventually(['page_view', 'one', 'two']);
  });
});
