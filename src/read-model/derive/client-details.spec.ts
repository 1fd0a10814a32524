import fc from 'fast-check';
import { growthOf, LINEAR } from '../../../test/plain/growth.js';
import { clientDetails, shortVersion } from './client-details.js';

const KHTML = 'AppleWebKit/537.36 (KHTML, like Gecko)';

describe('versions and model by a User-Agent', () => {
  test.each([
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${KHTML} Chrome/120.0.0.0 Safari/537.36`,
      'Chrome',
      'Windows',
      '120',
      '10',
      '',
    ],
    ['Mozilla/5.0 (Windows NT 6.1; rv:115.3) Gecko/20100101 Firefox/115.3', 'Firefox', 'Windows', '115.3', '7', ''],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1.2 Safari/605.1.15',
      ...['Safari', 'macOS', '17.1', '10.15', ''],
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1',
      ...['Safari', 'iOS', '17.1', '17.1', 'iPhone'],
    ],
    ['Shop/2.1 (iPhone15,2; iOS 17.1)', '', 'iOS', '', '17.1', 'iPhone15,2'],
    [
      `Mozilla/5.0 (Linux; Android 10; K) ${KHTML} Chrome/120.0.0.0 Mobile Safari/537.36`,
      'Chrome',
      'Android',
      '120',
      '10',
      '',
    ],
    [
      `Mozilla/5.0 (Linux; Android 13; Pixel 7) ${KHTML} Chrome/120.0.0.0 Safari/537.36`,
      'Chrome',
      'Android',
      '120',
      '13',
      'Pixel 7',
    ],
    [
      `Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ3A; wv) ${KHTML} Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36 Instagram 309`,
      ...['Instagram', 'Android', '', '13', 'Pixel 7'],
    ],
    ['Dalvik/2.1.0 (Linux; U; Android 13; en-us; SM-A515F(DS) Build/TP1A)', '', 'Android', '', '13', 'SM-A515F(DS)'],
    ['Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0', 'Firefox', 'Android', '121', '13', ''],
    ['curl/8.4.0', '', '', '', '', ''],
    ['', 'Chrome', 'Windows', '', '', ''],
    ['', 'Chrome 120.1', 'Windows 11', '120.1', '11', ''],
    [`Mozilla/5.0 (Windows NT 10.0) ${KHTML} Chrome/120.0.0.0 Safari/537.36`, 'chrome', 'iOS 17.1', '120', '17.1', ''],
  ])('%s', (userAgent, browser, os, browserVersion, osVersion, deviceModel) => {
    const details = clientDetails(userAgent, browser, os);
    expect([shortVersion(details.browserVersion), shortVersion(details.osVersion), details.deviceModel]).toEqual([
      ...[browserVersion, osVersion, deviceModel],
    ]);
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 512 }), fc.string(), fc.string(), (userAgent, browser, os) => {
        clientDetails(`(Android 1; ${userAgent}`, browser, os);
        clientDetails(userAgent, browser, os);
      }),
    );
  });

  test.each(['(', ')', '()', ';', ' ', 'Android', '(Android 1;', 'iPhone', 'Build/', '1', '1.'])(
    'takes linear time: %j',
    (part) => {
      const repeated = part.repeat(2048 / part.length);
      const read = (length: number, run: number): void =>
        void clientDetails(`(Android 1;${repeated.slice(0, length)}${run}`, '', '');
      expect(growthOf(read, 2048, 10)).toBeLessThan(LINEAR);
    },
  );
});

test.each([
  ['120.0.6099.109', '120'],
  ['120.0', '120'],
  ['17.1.2', '17.1'],
  ['v2.1', '2.1'],
  ['14', '14'],
  ['10.15.7', '10.15'],
  ['NT 10.0', 'NT 10.0'],
  ['22H2', '22H2'],
  ['1.', '1.'],
  ['', ''],
])('the short form of version %j', (version, short) => {
  expect(shortVersion(version)).toBe(short);
});
