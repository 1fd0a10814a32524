import { CHANNELS } from './channel.js';
import { campaignOf } from './parameters.js';
import { isInternal, referrerHostOf } from './referrer.js';
import { siteOfHost, siteOfSource } from './site-table.js';
import { sourceOf } from './source.js';
import { SITES } from './sites.js';

/** `[source, channel]` */
function source(referrer: string, query = ''): string[] {
  const host = referrerHostOf(referrer);
  const { source, channel } = sourceOf(campaignOf(query), isInternal(host, 'shop.example', []) ? '' : host);
  return [source, channel];
}

describe('an event that names no source', () => {
  test.each(['', 'about:blank', '(direct)', 'javascript:void(0)', 'data:,', 'https://www.shop.example/a'])(
    '%j',
    (referrer) => {
      expect(source(referrer)).toEqual(['', 'Direct']);
    },
  );

  test('by its parameters', () => {
    expect(source('', 'utm_source=(direct)&utm_medium=(none)')).toEqual(['', 'Direct']);
    expect(source('', 'utm_source=(direct)&utm_medium=(not%20set)')).toEqual(['', 'Direct']);
    expect(source('', 'utm_term=a&utm_content=b')).toEqual(['', 'Direct']);
  });
});

describe('the source of a referrer', () => {
  test.each([
    ['https://www.google.com/', 'Google', 'Organic Search'],
    ['https://www.google.co.uk/', 'Google', 'Organic Search'],
    ['https://google.com.br/search', 'Google', 'Organic Search'],
    ['https://www.google.de:443/', 'Google', 'Organic Search'],
    ['google.de', 'Google', 'Organic Search'],
    ['android-app://com.google.android.googlequicksearchbox/', 'Google', 'Organic Search'],
    ['https://www.bing.com/', 'Bing', 'Organic Search'],
    ['https://cn.bing.com/', 'Bing', 'Organic Search'],
    ['https://duckduckgo.com/', 'DuckDuckGo', 'Organic Search'],
    ['https://de.search.yahoo.com/', 'Yahoo', 'Organic Search'],
    ['https://www.yahoo.com/', 'Yahoo', 'Organic Search'],
    ['https://finance.yahoo.com/news/a', 'Yahoo', 'Referral'],
    ['https://yandex.com.tr/', 'Yandex', 'Organic Search'],
    ['https://ya.ru/', 'Yandex', 'Organic Search'],
    ['https://m.baidu.com/', 'Baidu', 'Organic Search'],
    ['https://www.ecosia.org/', 'Ecosia', 'Organic Search'],
    ['https://lite.qwant.com/', 'Qwant', 'Organic Search'],
    ['https://search.brave.com/', 'Brave Search', 'Organic Search'],
    ['https://www.startpage.com/', 'Startpage', 'Organic Search'],
    ['https://search.naver.com/', 'Naver', 'Organic Search'],
    ['https://search.seznam.cz/', 'Seznam', 'Organic Search'],
    ['https://maps.google.com/', 'Google', 'Referral'],
    ['https://accounts.google.de/', 'Google', 'Referral'],
    ['https://l.facebook.com/l.php?u=a', 'Facebook', 'Organic Social'],
    ['https://m.facebook.com/', 'Facebook', 'Organic Social'],
    ['android-app://com.facebook.katana/', 'Facebook', 'Organic Social'],
    ['https://l.instagram.com/', 'Instagram', 'Organic Social'],
    ['https://t.co/a', 'X', 'Organic Social'],
    ['https://twitter.com/', 'X', 'Organic Social'],
    ['https://x.com/', 'X', 'Organic Social'],
    ['https://www.linkedin.com/feed', 'LinkedIn', 'Organic Social'],
    ['https://lnkd.in/a', 'LinkedIn', 'Organic Social'],
    ['https://old.reddit.com/r/a', 'Reddit', 'Organic Social'],
    ['https://www.pinterest.co.uk/', 'Pinterest', 'Organic Social'],
    ['https://www.tiktok.com/', 'TikTok', 'Organic Social'],
    ['https://news.ycombinator.com/item?id=1', 'Hacker News', 'Organic Social'],
    ['https://tieba.baidu.com/', 'Baidu Tieba', 'Organic Social'],
    ['https://m.youtube.com/', 'YouTube', 'Organic Video'],
    ['https://youtu.be/a', 'YouTube', 'Organic Video'],
    ['https://www.amazon.co.jp/', 'Amazon', 'Organic Shopping'],
    ['https://www.ebay.de/', 'eBay', 'Organic Shopping'],
    ['https://chatgpt.com/', 'ChatGPT', 'AI Assistant'],
    ['https://chat.openai.com/', 'ChatGPT', 'AI Assistant'],
    ['https://www.perplexity.ai/', 'Perplexity', 'AI Assistant'],
    ['https://claude.ai/chat', 'Claude', 'AI Assistant'],
    ['https://gemini.google.com/app', 'Gemini', 'AI Assistant'],
    ['https://copilot.microsoft.com/', 'Copilot', 'AI Assistant'],
    ['https://edgeservices.bing.com/', 'Copilot', 'AI Assistant'],
    ['android-app://com.openai.chatgpt/', 'ChatGPT', 'AI Assistant'],
    ['https://mail.google.com/', 'Gmail', 'Email'],
    ['android-app://com.google.android.gm/', 'Gmail', 'Email'],
    ['https://outlook.live.com/', 'Outlook', 'Email'],
    ['https://github.com/a', 'GitHub', 'Referral'],
    ['https://de.wikipedia.org/', 'Wikipedia', 'Referral'],
    ['https://www.blog.example/', 'blog.example', 'Referral'],
    ['https://blog.example:8080/', 'blog.example:8080', 'Referral'],
    ['android-app://com.example.reader/', 'com.example.reader', 'Referral'],
  ])('%s', (referrer, name, channel) => {
    expect(source(referrer)).toEqual([name, channel]);
  });

  test.each([
    'notgoogle.com',
    'google.evil.example',
    'google.com.evil.example',
    'google',
    'mygoogle.de',
    'xt.co',
    'bing.com.evil.example',
    'com',
  ])('%s is no site that we know', (host) => {
    expect(siteOfHost(host)).toBeNull();
  });
});

describe('the source of a campaign', () => {
  test.each([
    ['newsletter', 'newsletter'],
    ['Newsletter May', 'Newsletter May'],
    ['google', 'Google'],
    ['GOOGLE', 'Google'],
    ['google.com', 'Google'],
    ['www.google.de', 'Google'],
    ['fb', 'Facebook'],
    ['m.facebook.com', 'Facebook'],
    ['ig', 'Instagram'],
    ['twitter', 'X'],
    ['chatgpt.com', 'ChatGPT'],
    ['partner.example', 'partner.example'],
    ['constructor', 'constructor'],
  ])('utm_source=%s', (utmSource, name) => {
    expect(source('https://duckduckgo.com/', `utm_source=${utmSource}`)[0]).toBe(name);
  });

  test.each([
    ['a medium alone', 'https://a.example/', 'utm_medium=email', ['a.example', 'Email']],
    ['a medium alone, without a referrer', '', 'utm_medium=email', ['', 'Email']],
    ['a campaign alone', '', 'utm_campaign=may', ['', 'Unassigned']],
    [
      'a campaign alone, from a search engine',
      'https://www.google.com/',
      'utm_campaign=may',
      ['Google', 'Organic Search'],
    ],
    ['a campaign of an internal link', 'https://shop.example/', 'utm_source=banner', ['banner', 'Unassigned']],
  ])('%s', (_, referrer, query, expected) => {
    expect(source(referrer, query)).toEqual(expected);
  });
});

describe('the channel, by the rules of GA4', () => {
  test.each([
    ['utm_source=google&utm_medium=cpc&utm_campaign=Cross-Network', 'Cross-network'],
    ['utm_source=amazon&utm_medium=cpc', 'Paid Shopping'],
    ['utm_source=a&utm_medium=cpc&utm_campaign=spring-shopping', 'Paid Shopping'],
    ['utm_source=google&utm_medium=cpc', 'Paid Search'],
    ['utm_source=Google&utm_medium=CPC', 'Paid Search'],
    ['utm_source=bing&utm_medium=ppc', 'Paid Search'],
    ['utm_source=google&utm_medium=cpm', 'Paid Search'],
    ['utm_source=facebook&utm_medium=paid_social', 'Paid Social'],
    ['utm_source=ig&utm_medium=retargeting', 'Paid Social'],
    ['utm_source=youtube&utm_medium=cpv', 'Paid Video'],
    ['utm_source=youtube&utm_medium=cpc', 'Paid Video'],
    ['utm_source=a&utm_medium=display', 'Display'],
    ['utm_source=a&utm_medium=cpm', 'Display'],
    ['utm_source=a&utm_medium=interstitial', 'Display'],
    ['utm_source=a&utm_medium=cpc', 'Paid Other'],
    ['utm_source=chatgpt.com&utm_medium=cpc', 'Paid Other'],
    ['utm_source=chatgpt.com', 'AI Assistant'],
    ['utm_source=chatgpt.com&utm_medium=referral', 'AI Assistant'],
    ['utm_source=a&utm_medium=ai-assistant', 'AI Assistant'],
    ['utm_source=etsy', 'Organic Shopping'],
    ['utm_source=a&utm_medium=b&utm_campaign=shop', 'Organic Shopping'],
    ['utm_source=a&utm_medium=b&utm_campaign=eshop', 'Organic Shopping'],
    ['utm_source=a&utm_medium=email&utm_campaign=workshop', 'Email'],
    ['utm_source=linkedin', 'Organic Social'],
    ['utm_source=a&utm_medium=social', 'Organic Social'],
    ['utm_source=a&utm_medium=Social+Media', 'Organic Social'],
    ['utm_source=vimeo', 'Organic Video'],
    ['utm_source=a&utm_medium=my-video', 'Organic Video'],
    ['utm_source=a&utm_medium=organic', 'Organic Search'],
    ['utm_source=ecosia&utm_medium=a', 'Organic Search'],
    ['utm_source=a&utm_medium=referral', 'Referral'],
    ['utm_source=a&utm_medium=app', 'Referral'],
    ['utm_source=a&utm_medium=link', 'Referral'],
    ['utm_source=a&utm_medium=e-mail', 'Email'],
    ['utm_source=e_mail', 'Email'],
    ['utm_source=a&utm_medium=e+mail', 'Email'],
    ['utm_source=a&utm_medium=affiliate', 'Affiliates'],
    ['utm_source=a&utm_medium=audio', 'Audio'],
    ['utm_source=sms', 'SMS'],
    ['utm_source=a&utm_medium=sms', 'SMS'],
    ['utm_source=a&utm_medium=webpush', 'Mobile Push Notifications'],
    ['utm_source=a&utm_medium=mobile-app', 'Mobile Push Notifications'],
    ['utm_source=a&utm_medium=notifications', 'Mobile Push Notifications'],
    ['utm_source=firebase', 'Mobile Push Notifications'],
    ['utm_source=a', 'Unassigned'],
    ['utm_source=a&utm_medium=b', 'Unassigned'],
    ['', 'Direct'],
  ])('%s', (query, channel) => {
    expect(source('', query)[1]).toBe(channel);
  });

  test('each can be reached', () => {
    const reached = [
      '',
      'utm_campaign=cross-network',
      'utm_source=etsy&utm_medium=cpc',
      'utm_source=bing&utm_medium=cpc',
    ];
    reached.push('utm_source=x&utm_medium=cpc', 'utm_source=ted&utm_medium=cpc', 'utm_medium=banner', 'utm_medium=cpc');
    reached.push('utm_source=claude', 'utm_source=etsy', 'utm_source=x', 'utm_source=ted', 'utm_source=bing');
    reached.push('utm_medium=link', 'utm_medium=email', 'utm_medium=affiliate', 'utm_medium=audio', 'utm_medium=sms');
    reached.push('utm_medium=push', 'utm_medium=a');
    expect(reached.map((query) => source('', query)[1])).toEqual(CHANNELS);
  });
});

describe('a click id', () => {
  test.each([
    ['', 'gclid=a', 'Google', 'Paid Search'],
    ['https://www.google.com/', 'gclid=a', 'Google', 'Paid Search'],
    ['https://www.youtube.com/', 'gclid=a', 'YouTube', 'Paid Video'],
    ['https://news.example/', 'gclid=a', 'news.example', 'Paid Other'],
    ['', 'gclid=a&utm_source=google&utm_medium=display', 'Google', 'Display'],
    ['', 'gclid=a&utm_source=google', 'Google', 'Paid Search'],
    ['https://shop.example/', 'gclid=a', 'Google', 'Paid Search'],
    ['', 'msclkid=a', 'Bing', 'Paid Search'],
    ['https://www.tiktok.com/', 'ttclid=a', 'TikTok', 'Paid Social'],
    ['https://t.co/', 'twclid=a', 'X', 'Paid Social'],
    ['', 'li_fat_id=a', 'LinkedIn', 'Paid Social'],
    ['', 'fbclid=a', 'Facebook', 'Organic Social'],
    ['https://l.instagram.com/', 'fbclid=a', 'Instagram', 'Organic Social'],
    ['https://l.facebook.com/', 'fbclid=a&utm_medium=paid', 'Facebook', 'Paid Social'],
  ])('from %j with %s', (referrer, query, name, channel) => {
    expect(source(referrer, query)).toEqual([name, channel]);
  });
});

describe('the table of sites', () => {
  const lines = SITES.trim().split('\n');

  test.each(lines)('%s', (line) => {
    expect(line).toMatch(/^(?:search|social|video|shopping|ai|mail|other) \| [^|]*\S \| \S+(?: \S+)*$/);
    const [, name, places] = line.split(' | ') as [string, string, string];
    for (const place of places.split(' ')) {
      expect(place).toMatch(/^(?:@[a-z_-]+|app:[\w.]+|=?[a-z\d-]+(?:\.[a-z\d-]+)*\.(?:[a-z]{2,}|\*|\{[a-z.,]+\}))$/);
      const site = place.startsWith('@')
        ? siteOfSource(place.slice(1))
        : siteOfHost(
            place
              .replace(/^(?:=|app:)/, '')
              .replace('.*', '.com')
              .replace(/\{([^,}]+).*\}/, '$1'),
          );
      expect([place, site?.name]).toEqual([place, name]);
    }
  });

  test('names every place once', () => {
    const places = lines.flatMap((line) => line.split(' | ')[2]!.split(' '));
    expect(places.filter((place, index) => places.indexOf(place) !== index)).toEqual([]);
  });
});
