import { campaignOf, NO_CAMPAIGN } from './parameters.js';

describe('the utm values of a query', () => {
  test('all five', () => {
    expect(campaignOf('utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e&f=g')).toEqual({
      ...{ utmSource: 'a', utmMedium: 'b', utmCampaign: 'c', utmTerm: 'd', utmContent: 'e' },
      ...{ clickIdKind: '', clickId: '' },
    });
  });

  test.each([
    ['plus is a space', 'summer+sale', 'summer sale'],
    ['%20 is a space', 'summer%20sale', 'summer sale'],
    ['an encoded plus', 'a%2Bb', 'a+b'],
    ['UTF-8', '%C3%A9t%C3%A9', 'été'],
    ['upper and lower case stay', 'Summer-SALE', 'Summer-SALE'],
    ['an ampersand in the value', 'a%26b', 'a&b'],
    ['an equals sign in the value', 'a=b', 'a=b'],
    ['decoded once', '100%2541', '100%41'],
    ['a percent sign', '50%25', '50%'],
    ['a percent sign that is not encoded', '50%', '50%'],
    ['half an escape', '50%2', '50%2'],
    ['bytes that are not UTF-8', '%e9t%E9', '%E9t%E9'],
    ['good bytes beside bad ones', '%C3%A9%FF', 'é%FF'],
    ['a line break', 'a%0Ab', 'a%0Ab'],
    ['NUL', 'a%00b', 'a%00b'],
    ['emoji', '%F0%9F%8E%89', '🎉'],
  ])('%s', (_, written, value) => {
    expect(campaignOf(`utm_campaign=${written}`).utmCampaign).toBe(value);
  });

  test('bytes that are not UTF-8 stay apart', () => {
    const values = ['%E8', '%E9', '%FF', '%C3', '%EF%BF%BD'].map((text) => campaignOf(`utm_term=${text}`).utmTerm);
    expect(new Set(values).size).toBe(values.length);
  });

  test.each([
    ['the last one counts', 'utm_source=a&utm_source=b', 'b'],
    ['the last one that is not blank', 'utm_source=a&utm_source=&utm_source=+%20', 'a'],
    ['an encoded name', 'utm%5Fsource=a', 'a'],
    ['a name that only ends the same', 'my_utm_source=a', ''],
    ['a name in upper case', 'UTM_SOURCE=a', ''],
    ['no value', 'utm_source', ''],
    ['empty pairs', '&&=&utm_source=a&', 'a'],
  ])('%s', (_, query, source) => {
    expect(campaignOf(query).utmSource).toBe(source);
  });

  test('nothing of an empty query', () => {
    expect([campaignOf(''), campaignOf('a=b')]).toEqual([NO_CAMPAIGN, NO_CAMPAIGN]);
  });
});

describe('the click id of a query', () => {
  test.each(['gclid', 'fbclid', 'msclkid', 'ttclid', 'li_fat_id', 'twclid'])('%s', (kind) => {
    expect(campaignOf(`a=b&${kind}=x%2Fy`)).toEqual({ ...NO_CAMPAIGN, clickIdKind: kind, clickId: 'x/y' });
  });

  test('the last one of several', () => {
    expect(campaignOf('gclid=a&fbclid=b&msclkid=')).toMatchObject({ clickIdKind: 'fbclid', clickId: 'b' });
  });

  test('no other parameter', () => {
    expect(campaignOf('gclid2=a&Gclid=b&clid=c&constructor=d')).toEqual(NO_CAMPAIGN);
  });
});
