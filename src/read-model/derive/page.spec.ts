import fc from 'fast-check';
import { growthOf, LINEAR } from '../../../test/plain/growth.js';
import { pageOf } from './page.js';

/** `[host, path, query]` */
function place(url: string): [string, string, string] {
  const { host, path, query } = pageOf(url);
  return [host, path, query];
}

describe('the host of a URL', () => {
  test.each([
    ['https://example.com/', 'example.com'],
    ['HTTPS://WWW.Example.COM/', 'www.example.com'],
    ['http://example.com:80/', 'example.com'],
    ['https://example.com:443/', 'example.com'],
    ['https://example.com:0443/', 'example.com'],
    ['https://example.com:/', 'example.com'],
    ['https://example.com:8443/', 'example.com:8443'],
    ['https://example.com./', 'example.com'],
    ['https://bücher.example/', 'bücher.example'],
    ['https://xn--bcher-kva.example/', 'bücher.example'],
    ['https://XN--BCHER-KVA.EXAMPLE:8080/', 'bücher.example:8080'],
    ['https://B%C3%BCcher.example/', 'bücher.example'],
    ['https://xn--i-7iq.ws/', 'i❤.ws'],
    ['https://my_shop.example/', 'my_shop.example'],
    ['https://ann:secret@example.com/', 'example.com'],
    ['https://ann@example.com:8080/', 'example.com:8080'],
    ['https://ann:a@b@example.com/', 'example.com'],
    ['http://[2001:DB8::0001]/', '[2001:db8::1]'],
    ['http://[::1]:3000/', '[::1]:3000'],
    ['http://127.0.0.1:8080/', '127.0.0.1:8080'],
    ['https:\\\\example.com\\a', 'example.com'],
    ['https:/example.com/a', 'example.com'],
    ['  https://example.com/\n', 'example.com'],
    ['https://exa\nmple.com/', 'example.com'],
    ['//example.com/a', 'example.com'],
    ['example.com/a', 'example.com'],
    ['www.example.com', 'www.example.com'],
    ['example.com:8080/a', 'example.com:8080'],
    ['localhost:3000/a', 'localhost:3000'],
    ['10.0.0.7/a', '10.0.0.7'],
  ])('%s', (url, host) => {
    expect(pageOf(url).host).toBe(host);
  });

  test.each([
    ...[
      '',
      ' ',
      '/',
      '/pricing',
      'pricing',
      'index.html',
      '?a=b',
      '#/route',
      '#top',
      'HomeScreen',
      '.',
      '..',
      ':',
      '@',
    ],
    ...[
      'about:blank',
      'about:srcdoc',
      'data:text/html,https://a.example/',
      'javascript:alert(1)',
      'mailto:ann@a.example',
    ],
    ...['(direct)', '(not set)', '(none)', 'null', 'undefined', '-', 'blob:https://a.example/1', 'tel:123'],
    ...[
      'shop://cart',
      'android-app://com.shop/',
      'capacitor://localhost/a',
      'file:///home/ann/a.html',
      'ftp://a.example/',
    ],
    ...[
      'http://',
      'https:',
      'https:///',
      '//',
      'https://exa mple.com/',
      'https://a.example:port/',
      'https://a.example:99999/',
    ],
    ...['https://<b>/', 'https://[::1/', 'https://%00/', 'https://a%/', 'https://xn--a/', 'https://@/', 'https://:80/'],
    ...['ann@a.example/b', 'ann:secret@a.example', `https://${'a'.repeat(300)}.example/`],
  ])('none in %j', (url) => {
    expect(pageOf(url).host).toBe('');
  });
});

describe('the path of a URL', () => {
  test.each([
    ['https://a.example', '/'],
    ['https://a.example/', '/'],
    ['https://a.example//', '/'],
    ['https://a.example?b=c', '/'],
    ['https://a.example/b', '/b'],
    ['https://a.example/b/', '/b'],
    ['https://a.example/b//', '/b'],
    ['https://a.example/b/?c=d/', '/b'],
    ['https://a.example/B', '/B'],
    ['https://a.example/b//c', '/b//c'],
    ['https://a.example/b/./c/../d', '/b/d'],
    ['https://a.example/../b', '/b'],
    ['https://a.example/b/%2e%2E/c', '/c'],
    ['https://a.example/b/..', '/'],
    ['https://a.example\\b\\c?d\\e', '/b/c'],
    ['/b/', '/b'],
    ['b/c', '/b/c'],
    ['index.html', '/index.html'],
    ['HomeScreen', '/HomeScreen'],
    ['/@ann/first', '/@ann/first'],
    ['example.com/a', '/a'],
    ['//example.com/a', '/a'],
    ['?b=c', ''],
    ['#top', ''],
    ['about:blank', ''],
    ['javascript:alert(1)', ''],
    ['data:text/html,b', ''],
    ['file:///home/ann/a.html', ''],
  ])('%s', (url, path) => {
    expect(pageOf(url).path).toBe(path);
  });

  test.each([
    ['with the route of a hash router', 'https://a.example/#/settings', '/#/settings'],
    ['below a path', 'https://a.example/app/#/settings/', '/app#/settings'],
    ['with a bang', 'https://a.example/app#!/settings', '/app#!/settings'],
    ['without its query', 'https://a.example/#/settings?tab=1', '/#/settings'],
    ['without a place in it', 'https://a.example/#/docs#install', '/#/docs'],
    ['decoded', 'https://a.example/#/caf%C3%A9', '/#/café'],
    ['#/ is none', 'https://a.example/app#/', '/app'],
    ['#!/ is none', 'https://a.example/app#!/', '/app'],
    ['a place in the page is none', 'https://a.example/app#install', '/app'],
    ['a bang alone is none', 'https://a.example/app#!settings', '/app'],
    ['an encoded slash is none', 'https://a.example/app#%2Fsettings', '/app'],
    ['without anything before it', '#/settings', '/#/settings'],
  ])('%s', (_, url, path) => {
    expect(pageOf(url).path).toBe(path);
  });

  test.each([
    ['two spellings of one page', '/caf%C3%A9', '/café'],
    ['lower-case escapes', '/caf%c3%a9', '/café'],
    ['no escapes', '/café', '/café'],
    ['a space', '/a%20b', '/a b'],
    ['a plus stays', '/a+b', '/a+b'],
    ['emoji', '/%F0%9F%8E%89', '/🎉'],
    ['an encoded slash is no slash', '/a%2fb', '/a%2Fb'],
    ['nor a question mark or hash', '/a%3Fb%23c', '/a%3Fb%23c'],
    ['control characters stay readable', '/a%00%0ab', '/a%00%0Ab'],
    ['control characters as they are', '/a\u0001b', '/a%01b'],
    ['a percent sign', '/100%25', '/100%'],
    ['a percent sign that is not encoded', '/100%', '/100%'],
    ['an encoded escape is not decoded twice', '/a%2541', '/a%2541'],
    ['bytes that are not UTF-8', '/caf%e9', '/caf%E9'],
    ['a sequence that is cut off', '/a%E2%82', '/a%E2%82'],
    ['an overlong sequence', '/a%C0%AFb', '/a%C0%AFb'],
    ['an encoded surrogate', '/a%ED%A0%80', '/a%ED%A0%80'],
    ['beyond Unicode', '/a%F4%90%80%80', '/a%F4%90%80%80'],
    ['good bytes beside bad ones', '/%C3%A9%FF%C3%A9', '/é%FFé'],
    ['half an escape', '/a%2', '/a%2'],
    ['half an escape before a digit', '/a%2%41', '/a%252A'],
    ['a lone surrogate', '/a\ud800b', '/a\ufffdb'],
  ])('decodes: %s', (_, written, path) => {
    expect(pageOf(`https://a.example${written}`).path).toBe(path);
  });

  test.each([
    ['shop://cart/items?sort=price', '/cart/items'],
    ['shop://cart', '/cart'],
    ['shop:///cart/', '/cart'],
    ['com.example.shop://cart', '/cart'],
    ['capacitor://localhost/cart', '/cart'],
    ['capacitor://localhost', '/'],
    ['chrome-extension://abcdefghijklmnopabcdefghijklmnop/popup.html', '/popup.html'],
    ['moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc/popup.html', '/popup.html'],
    ['shop://ann:secret@cart/items', '/cart/items'],
  ])("of an app's own scheme: %s", (url, path) => {
    expect(place(url).slice(0, 2)).toEqual(['', path]);
  });
});

describe('the query of a URL', () => {
  test.each([
    ['https://a.example/b?c=d&e=%20#f', 'c=d&e=%20'],
    ['https://a.example/b?c?d', 'c?d'],
    ['https://a.example/#/b?c=d', 'c=d'],
    ['https://a.example/?c=d#/b?e=f', 'c=d&e=f'],
    ['https://a.example/#top?c=d', ''],
    ['https://a.example/?', ''],
  ])('%s', (url, query) => {
    expect(pageOf(url).query).toBe(query);
  });
});

describe('any text', () => {
  const awkward = fc.constantFrom(
    ...[
      'https://',
      'http:',
      '//',
      '/',
      '\\',
      '@',
      ':',
      '#',
      '?',
      '&',
      '=',
      '%',
      '%00',
      '%C3',
      '%25',
      '..',
      '.',
      '[',
      ']',
      ' ',
    ],
    ...[
      '\ud800',
      '\udc00',
      '\0',
      '\t',
      '\n',
      'xn--',
      'ü',
      '❤',
      '🎉',
      'example.com',
      'user:password',
      ':80',
      ':443',
      '+',
      '#/',
    ],
    ...[
      'utm_source=',
      'gclid=',
      '!/',
      'about:',
      'data:',
      'javascript:',
      'android-app://',
      'localhost',
      '-',
      '_',
      '\u202e',
    ],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 200 }),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.array(fc.oneof(awkward, fc.string({ maxLength: 5 })), { maxLength: 30 }).map((parts) => parts.join('')),
  );

  test('never throws and gives valid Unicode without control characters', () => {
    fc.assert(
      fc.property(text, (url) => {
        for (const [field, value] of Object.entries(pageOf(url)) as [string, string][]) {
          expect(value.isWellFormed()).toBe(true);
          // eslint-disable-next-line no-control-regex
          if (field !== 'query') expect(value).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a page has one host and path: reading them again gives the same', () => {
    fc.assert(
      fc.property(text, (written) => {
        const { host, path } = pageOf(`https://a.example/${written}`);
        fc.pre(host === 'a.example' && path.trim() === path);
        expect(place(`https://${host}${path}`)).toEqual([host, path, '']);
      }),
      { numRuns: 3000 },
    );
  });

  test('the host is the one that browsers see', () => {
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        const seen = new URL(url);
        expect(pageOf(url).host).toBe(seen.host.replace(/:(?:80|443)$/, '').replace(/\.$/, ''));
      }),
    );
  });

  test('no user and no password', () => {
    const secret = fc
      .string({ unit: fc.constantFrom(...'abc/:@%?# \\é'), maxLength: 8 })
      .map((rest) => `pass${rest}word`);
    fc.assert(
      fc.property(secret, fc.constantFrom('https', 'http', 'shop'), (password, scheme) => {
        // There a browser takes the host to end: what follows is no part of the password.
        fc.pre(!/[?#]|@.*[/\\]/.test(password));
        const { host, path, query } = pageOf(`${scheme}://ann:${encodeURI(password)}@a.example/b`);
        expect(`${host}${path}${query}`).not.toMatch(/ann|pass|word/);
      }),
    );
  });

  test.each([
    'a',
    '/',
    '.',
    '/.',
    '/..',
    '%C3%A9',
    '%FF',
    '%25',
    ' ',
    '\t',
    '@',
    ':',
    '&utm_source=a',
    '#/',
    'ü',
    '\ud800',
    '=',
    '?',
  ])('takes time that grows with its length: %j', (part) => {
    const repeated = part.repeat(16_384 / part.length);
    for (const before of [
      '',
      'https://',
      'https://a.example/',
      'https://a.example/?',
      'https://a.example/#/',
      'shop://',
    ]) {
      const growth = growthOf((length, run) => void pageOf(before + repeated.slice(0, length) + run), 16_384, 8);
      expect([before, growth < LINEAR]).toEqual([before, true]);
    }
  });
});
