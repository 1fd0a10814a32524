import fc from 'fast-check';
import type { StoredEventFields } from '../../events/stored-event.js';
import { CHANNELS } from './channel.js';
import { derive } from './derive.js';

function stored(fields: Partial<StoredEventFields>): StoredEventFields {
  return {
    ...{ id: '0'.repeat(32), appId: '0'.repeat(32), event: 'page_view', eventId: null, batchId: '0'.repeat(32) },
    ...{ occurredAt: new Date(0), receivedAt: new Date(0), userId: null, anonymousId: null, sessionId: null },
    ...{
      url: null,
      referrer: null,
      device: 'desktop',
      browser: null,
      os: null,
      ip: null,
      metadata: null,
      userAgent: null,
    },
    ...{ userKey: '0'.repeat(32), payloadHash: '0'.repeat(16) },
    ...fields,
  };
}

const NOTHING = {
  ...{ host: '', path: '', query: '', utmSource: '', utmMedium: '', utmCampaign: '', utmTerm: '', utmContent: '' },
  ...{ clickIdKind: '', clickId: '', referrerHost: '', referrerIsInternal: false, source: '', channel: 'Direct' },
  ...{
    title: '',
    language: '',
    screenSize: '',
    screenName: '',
    browser: '',
    browserVersion: '',
    os: '',
    osVersion: '',
  },
  ...{ deviceModel: '', appVersion: '', sdk: '', isBot: false, origin: '' },
};

test('of an event with a name alone', () => {
  expect(derive(stored({}), { ownHosts: [] })).toEqual(NOTHING);
});

test('of a page view by our script', () => {
  const event = stored({
    url: 'https://www.shop.example/caf%C3%A9/?utm_source=google&utm_medium=cpc&utm_campaign=May+sale&gclid=Cj0#top',
    referrer: 'https://www.google.com/',
    browser: 'Chrome',
    os: 'Windows',
    metadata: '{"screenSize":"1512x982","language":"pt-br","title":"Café"}',
  });
  expect(derive(event, { ownHosts: ['shop.example'] })).toEqual({
    ...NOTHING,
    ...{
      host: 'www.shop.example',
      path: '/café',
      query: 'utm_source=google&utm_medium=cpc&utm_campaign=May+sale&gclid=Cj0',
    },
    ...{ utmSource: 'google', utmMedium: 'cpc', utmCampaign: 'May sale', clickIdKind: 'gclid', clickId: 'Cj0' },
    ...{ referrerHost: 'www.google.com', source: 'Google', channel: 'Paid Search' },
    ...{ title: 'Café', language: 'pt-BR', screenSize: '1512x982', browser: 'Chrome', os: 'Windows' },
  });
});

test('of an event that an app sends', () => {
  const event = stored({
    ...{
      url: 'shop://cart/items',
      device: 'mobile',
      os: 'Android',
      userAgent: 'Shop/2.1 (Linux; Android 14; Pixel 8)',
    },
    metadata: '{"screenName":"Cart","appVersion":"2.1","sdk":"shop-kotlin"}',
  });
  expect(derive(event, { ownHosts: [] })).toEqual({
    ...NOTHING,
    ...{ path: '/cart/items', os: 'Android', osVersion: '14', deviceModel: 'Pixel 8' },
    ...{ screenName: 'Cart', appVersion: '2.1', sdk: 'shop-kotlin' },
  });
});

test('an internal referrer is no source', () => {
  const event = stored({ url: 'https://www.shop.example/b', referrer: 'https://shop.example/a' });
  const expected = { referrerHost: 'shop.example', referrerIsInternal: true, source: '', channel: 'Direct' };
  expect(derive(event, { ownHosts: [] })).toMatchObject(expected);
  const paid = { ...event, referrer: 'https://pay.example/' };
  expect(derive(paid, { ownHosts: [] })).toMatchObject({ source: 'pay.example', channel: 'Referral' });
  expect(derive(paid, { ownHosts: ['pay.example'] })).toMatchObject({ source: '', channel: 'Direct' });
});

test('a version in metadata counts before the User-Agent', () => {
  const userAgent = 'Mozilla/5.0 (Windows NT 10.0; rv:121.0) Gecko/20100101 Firefox/121.0';
  const event = stored({
    userAgent,
    browser: 'Firefox',
    os: 'Windows',
    metadata: '{"osVersion":"11","browser":"Firefox"}',
  });
  expect(derive(event, { ownHosts: [] })).toMatchObject({ browserVersion: '121', osVersion: '11' });
});

test('a bot', () => {
  expect(derive(stored({ device: 'bot' }), { ownHosts: [] }).isBot).toBe(true);
});

test('of any event: never throws, always the same fields of the same types, in valid Unicode', () => {
  const text = fc.option(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
    ),
  );
  const metadata = fc.option(fc.oneof(fc.json(), fc.string()));
  const fields = fc.record({ url: text, referrer: text, browser: text, os: text, userAgent: text, metadata });
  const shape = Object.entries(NOTHING).map(([field, value]) => [field, typeof value]);
  fc.assert(
    fc.property(fields, fc.array(fc.string()), (given, ownHosts) => {
      const { browser, os, ...derived } = derive(stored(given), { ownHosts });
      expect([browser, os]).toEqual([given.browser ?? '', given.os ?? '']);
      expect(
        Object.entries({ ...NOTHING, ...derived, browser, os }).map(([field, value]) => [field, typeof value]),
      ).toEqual(shape);
      expect(CHANNELS).toContain(derived.channel);
      for (const value of Object.values(derived)) expect(String(value).isWellFormed()).toBe(true);
      expect(derive(stored(given), { ownHosts })).toEqual({ browser, os, ...derived });
    }),
    { numRuns: 2000 },
  );
});
