import fc from 'fast-check';
import { growthOf, LINEAR } from '../../../test/plain/growth.js';
import { pageOf } from './page.js';

describe('any text as a URL', () => {
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
        expect(pageOf(`https://${host}${path}`)).toMatchObject({ host, path, query: '' });
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
      const growth = growthOf((length, run) => void pageOf(before + repeated.slice(0, length) + run), 16_384, 25);
      expect([before, growth < LINEAR]).toEqual([before, true]);
    }
  });
});
