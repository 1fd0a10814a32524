import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { languageOf } from './language.js';
import { METADATA_KEYS, metadataFields } from './metadata-fields.js';
import { screenSizeOf } from './screen-size.js';

const fields = (metadata: unknown) => metadataFields(JSON.stringify(metadata));
const given = (metadata: unknown) =>
  Object.fromEntries(Object.entries(fields(metadata)).filter(([, value]) => value !== ''));

describe('fields of metadata', () => {
  test('of our own script', () => {
    expect(given({ screenSize: '1512x982', language: 'pt-BR', title: 'Prices' })).toEqual({
      screenSize: '1512x982',
      language: 'pt-BR',
      title: 'Prices',
    });
  });

  test('of Umami', () => {
    expect(given({ screen: '1920x1080', language: 'en-us', title: 'Prices' })).toEqual({
      screenSize: '1920x1080',
      language: 'en-US',
      title: 'Prices',
    });
  });

  test('of PostHog', () => {
    const sent = { $screen_width: 1512, $screen_height: 982, $browser_language: 'en-US', $lib: 'web', title: 'Prices' };
    expect(
      given({ ...sent, $browser_version: 120, $os_version: '10.15.7', $app_version: '2.1', $screen_name: 'Home' }),
    ).toEqual({
      ...{ screenSize: '1512x982', language: 'en-US', sdk: 'web', title: 'Prices' },
      ...{ browserVersion: '120', osVersion: '10.15.7', appVersion: '2.1', screenName: 'Home' },
    });
  });

  test('of Mixpanel', () => {
    const sent = {
      mp_lib: 'web',
      $screen_width: 1512,
      $screen_height: 982,
      current_page_title: 'Prices',
      $model: 'Pixel 8',
    };
    expect(given({ ...sent, $app_version_string: '2.1' })).toEqual({
      ...{ sdk: 'web', screenSize: '1512x982', title: 'Prices', deviceModel: 'Pixel 8', appVersion: '2.1' },
    });
  });

  test('of GA4', () => {
    expect(given({ page_title: 'Prices', language: 'de', screen_resolution: '1512x982', screen_name: 'Home' })).toEqual(
      {
        ...{ title: 'Prices', language: 'de', screenSize: '1512x982', screenName: 'Home' },
      },
    );
  });

  test("of Segment's context", () => {
    const context = {
      ...{ locale: 'en-us', screen: { width: 390, height: 844, density: 3 }, app: { name: 'Shop', version: '2.1' } },
      ...{ device: { model: 'iPhone15,2' }, os: { name: 'iOS', version: '17.1' }, library: { name: 'analytics-ios' } },
      page: { title: 'Prices' },
    };
    expect(given({ context })).toEqual({
      ...{ language: 'en-US', screenSize: '390x844', appVersion: '2.1', deviceModel: 'iPhone15,2', osVersion: '17.1' },
      ...{ sdk: 'analytics-ios', title: 'Prices' },
    });
  });

  test('of an app', () => {
    const sent = { screenName: 'Cart', appVersion: 2.1, device_model: 'Pixel 8', screen: 'Checkout', osVersion: '14' };
    expect(given(sent)).toEqual({ screenName: 'Cart', appVersion: '2.1', deviceModel: 'Pixel 8', osVersion: '14' });
    expect(given({ screen: 'Checkout' })).toEqual({ screenName: 'Checkout' });
  });

  test('the first key of the list that holds something, in any order', () => {
    expect(fields({ page_title: 'b', title: 'a' }).title).toBe('a');
    expect(fields({ title: ' ', page_title: 'b' }).title).toBe('b');
    expect(fields({ title: null, page_title: 'b', context: { page: { title: 'c' } } }).title).toBe('b');
  });

  test.each([...[null, true, [], {}, { title: 'b' }, ['b'], '', ' ', '\u200b', '\0']])('no text: %j', (title) => {
    expect(given({ title })).toEqual({});
  });

  test('no metadata', () => {
    expect(
      [null, '', '{}', '[]', 'null', '1', '"a"', '{', '{"context":null}', '{"context":1}'].map(metadataFields),
    ).toEqual(Array(10).fill(fields({})));
  });

  test('names of every object are no keys', () => {
    expect(metadataFields('{"__proto__":{"title":"a"},"context":{"__proto__":{"locale":"de"}}}')).toEqual(fields({}));
  });

  test('long texts are cut, and stay valid Unicode', () => {
    expect(fields({ title: 'a'.repeat(5000) }).title).toHaveLength(2048);
    expect(fields({ appVersion: '1'.repeat(5000) }).appVersion).toHaveLength(255);
    expect(fields({ title: `${'a'.repeat(2047)}🎉` }).title.isWellFormed()).toBe(true);
    expect(metadataFields('{"title":"a\\ud800"}').title).toBe('a\ufffd');
  });

  test('the documentation lists the keys', () => {
    const page = readFileSync(join(__dirname, '../../../docs/read-model.md'), 'utf8');
    const listed = Object.values(METADATA_KEYS).map((keys) => keys.map((key) => `\`${key}\``).join(', '));
    expect(listed.filter((keys) => !page.includes(keys))).toEqual([]);
  });
});

describe('a language', () => {
  test.each([
    ['en', 'en'],
    ['EN', 'en'],
    ['en-us', 'en-US'],
    ['EN_us', 'en-US'],
    ['en_US.UTF-8', 'en-US'],
    ['de_DE@euro', 'de-DE'],
    ['zh-hant-tw', 'zh-Hant-TW'],
    ['es-419', 'es-419'],
    ['sl-rozaj-BISKE', 'sl-rozaj-biske'],
    ['de-CH-1996', 'de-CH-1996'],
    ['en-us-u-ca-GB', 'en-US-u-ca-gb'],
    ['en-x-US', 'en-x-us'],
    ['fil-ph', 'fil-PH'],
    ['pt-BR,pt;q=0.9,en;q=0.8', 'pt-BR'],
    [' fr-CA ', 'fr-CA'],
    ['English', 'English'],
    ['', ''],
    ['*', '*'],
    ['e', 'e'],
    ['en-', 'en-'],
  ])('%j', (text, language) => {
    expect(languageOf(text)).toBe(language);
  });
});

describe('a screen size', () => {
  test.each([
    ['1512x982', '1512x982'],
    ['1512X982', '1512x982'],
    [' 1512 x 982 ', '1512x982'],
    ['1512×982', '1512x982'],
    ['1512*982', '1512x982'],
    ['392.7x851.4', '393x851'],
    [{ width: 390, height: 844 }, '390x844'],
    [{ width: '390', height: '844' }, '390x844'],
    [{ width: 392.7, height: 851.4 }, '393x851'],
  ])('%j', (value, size) => {
    expect(screenSizeOf(value)).toBe(size);
  });

  test.each([
    ...[
      '',
      '0x0',
      '1512',
      'x',
      '1512x',
      '-1x5',
      '1e3x5',
      '1512x982x3',
      '123456x5',
      'Home',
      null,
      1512,
      [],
      [1512, 982],
      {},
      true,
    ],
    ...[
      { width: 390 },
      { width: 0, height: 844 },
      { width: NaN, height: 1 },
      { width: '', height: '' },
      { width: -1, height: 5 },
    ],
  ])('none: %j', (value) => {
    expect(screenSizeOf(value)).toBe('');
  });
});
