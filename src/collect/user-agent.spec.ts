import { clientOf } from './user-agent.js';

test.each([
  [
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36',
    { device: 'mobile', browser: 'Chrome', os: 'Android' },
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    { device: 'tablet', browser: 'Safari', os: 'iOS' },
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0',
    { device: 'desktop', browser: 'Firefox', os: 'Windows' },
  ],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', { device: 'bot', browser: 'Googlebot' }],
  ['curl/8.5.0', { device: 'bot' }],
  ['-', { device: 'bot' }],
  ['', { device: 'other' }],
  [undefined, { device: 'other' }],
])('%s', (userAgent, expected) => {
  expect(clientOf(userAgent)).toMatchObject(expected);
});

test('a User-Agent that nobody knows does not become the name of a browser', () => {
  // From a real log; its beginning would be longer than the column.
  const lava =
    'LAVA.KKT35+.FARSIGHTED60D_CN_11B_HW (MAUI/KKT35_S116_20130820;BDATE/2013/08/20 14:41;LCD/240320;CHIP/MT6260;KEY/Normal;TOUCH/0;CAMERA/1;SENSOR/0;DEV/FARSIGHTED60D_CN_11B_HW;WAP Browser/MAUI (HTTPS)) LAVA_KKT35_S116_20130820 Release/2013.08.20 WAP Browser/MAUI (HTTPS) Profile/  Q03C1-2.40 en-US';
  expect(clientOf(lava).browser).toBeUndefined();
});

test('of a longer header only the beginning counts, which is what is kept of an event', () => {
  const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)';
  expect(clientOf(`${phone}${' '.repeat(600)}Googlebot`)).toBe(clientOf(`${phone}${' '.repeat(700)}curl`));
});
