import { readFileSync } from 'node:fs';
import { isbot } from 'isbot';
import type { Device } from '../events/event.js';
import { android, CHROME, IPHONE, WEBKIT } from '../../test/plain/agents.js';
import { growthOf, LINEAR } from '../../test/plain/growth.js';
import { clientOf } from './user-agent.js';

const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)';

describe('devices', () => {
  test.each<[Device, string[]]>([
    [
      'mobile',
      [
        android('Pixel 8'),
        android('K'),
        `Mozilla/5.0 (Linux; Android 13; SM-S911B) ${CHROME} Safari/537.36`,
        `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`,
        'Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0',
        `Mozilla/5.0 (Windows NT 10.0; ARM; Lumia 640 LTE) ${WEBKIT} Chrome/46.0.2486.0 Safari/537.36 Edge/13.10586`,
        'Nokia6300/2.0 (05.00) Profile/MIDP-2.0 Configuration/CLDC-1.1',
        'Dalvik/2.1.0 (Linux; U; Android 14; SM-S911B Build/UP1A.231005.007)',
        'MyShop/1.4 (Android 14; SM-S911B)',
        'MyShop/1.4 (com.example.shop; build:7; iOS 17.5.0) Alamofire/5.9.1',
      ],
    ],
    [
      'tablet',
      [
        'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
        `Mozilla/5.0 (Linux; Android 14; SM-X700) ${CHROME} Safari/537.36`,
        'MyShop/1.4 (Android 14; SM-X700)',
        `Mozilla/5.0 (Linux; Android 11; KFTRWI) ${WEBKIT} Silk/108.4.6 like Chrome/108.0 Safari/537.36`,
        // iPads that ask for the page for computers, in apps and browsers of iOS.
        `${MAC} Mobile/15E148`,
        `${MAC} CriOS/131.0 Version/17.5 Safari/605.1.15`,
        `${MAC} Mobile/15E148 [FBAN/FBIOS;FBDV/iPad13,4;FBSN/iPadOS]`,
      ],
    ],
    [
      'desktop',
      [
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0',
        `${MAC} Version/17.5 Safari/605.1.15`,
        `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROME} Safari/537.36`,
        `Mozilla/5.0 (X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0`,
        `Mozilla/5.0 (X11; OpenBSD amd64) ${CHROME} Safari/537.36`,
        `Mozilla/5.0 (X11; NetBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0`,
        `Mozilla/5.0 (X11; Linux x86_64) ${CHROME} Safari/537.36`,
        `Mozilla/5.0 (Linux; Android 13; 20JJS0CU1M) ${CHROME} Safari/537.36`, // a ThinkPad
        'ReadKit/7017 CFNetwork/673.2.1 Darwin/13.1.0 (x86_64) (MacBookPro10%2C1)',
      ],
    ],
    [
      'other',
      [
        `Mozilla/5.0 (Linux; Android 11; BRAVIA 4K VH2 Build/RTT2.211209.001) ${CHROME} Mobile Safari/537.36`,
        `Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233) ${CHROME} Safari/537.36`,
        `Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) ${WEBKIT} 94.0.4606.31/7.0 TV Safari/537.36`,
        `Mozilla/5.0 (Web0S; Linux/SmartTV) ${CHROME} Safari/537.36 WebAppManager`,
        'Opera/9.80 (Linux mips; U; HbbTV/1.1.1 (; Humax; hms1000s; 1.0.0; 1.0.0; ); ce-html/1.0; en) Presto/2.10.250',
        'Roku/DVP-12.0 (12.0.0.4182-88)',
        `Mozilla/5.0 (Linux; Android 12; TD43UFBSV1) ${CHROME} Mobile Safari/537.36`, // a TV that says nothing of it
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) ${CHROME} Safari/537.36 Edge/44.18363.8131`,
        'Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15',
        `Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) ${WEBKIT} NF/6.0.0.15.4 NintendoBrowser/5.1.0.20393`,
        `Mozilla/5.0 (X11; Linux x86_64; Quest 3) ${WEBKIT} OculusBrowser/31.0 Chrome/120.0.0.0 VR Safari/537.36`,
        `Mozilla/5.0 (Linux; Android 10; A8110 Build/QKQ1) ${CHROME} Mobile Safari/537.36`, // a Pico headset
        `Mozilla/5.0 (X11; GNU/Linux) ${CHROME} Safari/537.36 Tesla/2024.20`,
        `Mozilla/5.0 (Linux; Tizen 5.5; SAMSUNG SM-R840) ${CHROME} Mobile Safari/537.36`,
        '',
      ],
    ],
    [
      'bot',
      [
        'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
        `Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) ${CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)`,
        `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1 (Applebot/0.1; +http://www.apple.com/go/applebot)`,
        `Mozilla/5.0 (X11; Linux x86_64) ${CHROME} Safari/537.36 GTmetrix`,
        `Mozilla/5.0 (Linux; Android 11; moto g power (2022)) ${CHROME} Mobile Safari/537.36 Chrome-Lighthouse`,
        'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
        '-',
      ],
    ],
  ])('%s', (device, userAgents) => {
    for (const userAgent of userAgents) expect([userAgent, clientOf(userAgent).device]).toEqual([userAgent, device]);
  });

  test('phones, tablets and appliances that are called bot, or that run an app which sounds like one, are none', () => {
    const real = [
      ...['CUBOT X50', 'M bot 60', 'B BOT 550', 'Discovery DG500', 'Google 2XL'].map(android),
      'Mozilla/5.0 (Linux; U; Android 4.2.2; it-it; S222 Build/CUBOT) AppleWebKit/534.30 Version/4.0 Mobile Safari/534.30',
      `${android('COR-AL10')} MMWEBID/347 MicroMessenger/7.0 Process/tools NetType/WIFI`,
      `${android('RNE-AL00')} SogouSearch Android1.0 version3.0`,
      'AndroidDownloadManager/5.1 (Linux; U; Android 5.1; CITI Z530 3G Build/LMY47I)',
      `${IPHONE} AppleNews/607 Version/2.0`,
      'SonyEricssonJ20i/R1x Browser/NetFront/3.5 Profile/MIDP-2.1 Configuration/CLDC-1.1 JavaPlatform/JP-8.5',
      'Spice M5364',
      'iTunes-AppleTV/4.1',
    ];
    expect(real.filter((userAgent) => clientOf(userAgent).device === 'bot')).toEqual([]);
  });

  test('television boxes and consoles that say nothing but their model are neither tablets nor phones', () => {
    const boxes = [
      ...[
        'MIBOX4',
        'MIBOX3',
        'MIBOX3_PRO',
        'onn. 4K Streaming Box',
        'MECOOL KM6',
        'MECOOL KM7 Plus',
        'KM6',
        'SHIELD Console',
      ],
      ...[
        'Chromecast',
        'ADT-3',
        'H96 MAX X3',
        'Nokia Streaming Box 8000',
        'Tanix TX6',
        'Beelink GT1',
        'DV8235',
        'RK3318 BOX',
      ],
    ];
    const browsers = boxes.flatMap((model) => [android(model), android(model).replace(' Mobile', '')]);
    expect(browsers.filter((userAgent) => clientOf(userAgent).device !== 'other')).toEqual([]);
    expect(['SHIELD Tablet', 'SHIELD Tablet K1'].map((model) => clientOf(android(model)).device)).toEqual([
      'tablet',
      'tablet',
    ]);
  });

  test('a phone or tablet that shares its name with a television box is none', () => {
    const phones = ['X98', 'X98Pro', 'X96 Pro', 'X96_Pro', 'DOOGEE X98', 'T95', 'TX3', 'HK1'];
    const tablets = ['X98 Air II(HG9M)', 'X98 Air 3G(C5J6)', 'X98 Plus(C5C6)'];
    const device = (userAgent: string): Device => clientOf(userAgent, 'android').device;
    expect(phones.filter((model) => device(android(model)) !== 'mobile')).toEqual([]);
    expect(tablets.filter((model) => device(android(model).replace(' Mobile', '')) !== 'tablet')).toEqual([]);
    expect(['X96 Max', 'T95', 'TX3'].map((model) => device(android(model).replace(' Mobile', '')))).toEqual([
      ...['other', 'other', 'other'],
    ]);
  });

  test('of all the phones and tablets that the table knows none is a bot', () => {
    const table = JSON.parse(readFileSync('dist/device-models.json', 'utf8')) as Record<string, string[]>;
    const models = [...table.mobile!, ...table.tablet!];
    expect(models.length).toBeGreaterThan(25_000);
    const phones = models.map(android);
    expect(phones.filter((userAgent) => isbot(userAgent)).length).toBeGreaterThan(20);
    expect(phones.filter((userAgent) => clientOf(userAgent).device === 'bot')).toEqual([]);
  });
});

describe('browser and os', () => {
  test.each([
    [android('Pixel 8'), 'Chrome', 'Android'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox', 'Windows'],
    [`${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari', 'iOS'],
    [`${MAC} CriOS/131.0 Version/17.5 Safari/605.1.15`, 'Chrome', 'iOS'],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROME} Safari/537.36`, 'Chrome', 'Chrome OS'],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', undefined],
    // An app that names no browser has none.
    ['Dalvik/2.1.0 (Linux; U; Android 14; SM-S911B Build/UP1A.231005.007)', undefined, 'Android'],
    ['MyShop/1.4 (Android 14; SM-S911B)', undefined, 'Android'],
    ['MyShop/1.4 (iPhone; iOS 17.0)', undefined, 'iOS'],
    ['Dalvik/2.1.0 (Linux; U; Android 12; Chromecast Build/RQ3A)', undefined, 'Android'],
    ['okhttp/4.12.0', undefined, undefined],
    ['Lynx/2.9.0dev.12 libwww-FM/2.14SSL-MM/1.4.1', 'Lynx', undefined],
    [`${IPHONE} Mobile/15E148 Instagram 312.0.1.19.120 (iPhone14,5; iOS 17_5)`, 'Instagram', 'iOS'],
    [`${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/440.0.0.27.107;FBDV/iPhone14,5]`, 'Facebook', 'iOS'],
    [`${android('Pixel 8')} [FB_IAB/FB4A;FBAV/440.0.0.31.105;]`, 'Facebook', 'Android'],
    [`${IPHONE} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/440.0]`, 'Messenger', 'iOS'],
    [`${android('Pixel 8')} musical_ly_2023206030 BytedanceWebview/d8a21c6`, 'TikTok', 'Android'],
    [`${IPHONE} Mobile/15E148 [LinkedInApp]/9.29.6842`, 'LinkedIn', 'iOS'],
    [`${IPHONE} Mobile/15E148 Snapchat/12.60.0.41 (like Safari/8616.1.27)`, 'Snapchat', 'iOS'],
    [`${IPHONE} Mobile/15E148 Safari Line/13.19.0`, 'Line', 'iOS'],
    [`${IPHONE} Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15`, 'DuckDuckGo', 'iOS'],
    [`${android('Pixel 8')} Ddg/17.5`, 'DuckDuckGo', 'Android'],
    [`${IPHONE} Mobile/15E148 [Pinterest/iOS]`, 'Pinterest', 'iOS'],
    [`${IPHONE} Mobile/15E148 Twitter for iPhone/10.20`, 'Twitter', 'iOS'],
    [`${IPHONE} GSA/300.0.598994205 Mobile/15E148 Safari/604.1`, 'Google Search', 'iOS'],
    [`${IPHONE} Mobile/15E148 MicroMessenger/8.0.44`, 'WeChat', 'iOS'],
    [`${IPHONE} Mobile/15E148 QQ/9.0.20.606 V1_IPH_SQ_9.0.20_1_APP_A Pixel/1170`, 'QQ', 'iOS'],
    [`${android('V2055A; wv')} MQQBrowser/6.2 V1_AND_SQ_9.0.8 QQ/9.0.8.14755 NetType/WIFI`, 'QQ', 'Android'],
    [
      `${IPHONE} Mobile/15E148 NebulaSDK/1.8.100112 AlipayDefined(nt:WIFI,ws:390) AliApp(AP/10.5.50) AlipayClient/10.5.50`,
      'Alipay',
      'iOS',
    ],
    [`${IPHONE} Mobile/15E148 AliApp(TB/10.30.10) WindVane/8.7.2`, 'Taobao', 'iOS'],
    [`${android('V2055A')} baiduboxapp/13.33.0.11 (Baidu; P1 12)`, 'Baidu', 'Android'],
    [`${IPHONE} Mobile/15E148 Shopee iOS Beeshop locale/id version=31520`, 'Shopee', 'iOS'],
    [`${IPHONE} Mobile/15E148 Bluesky/1.95.0`, 'Bluesky', 'iOS'],
    [`${IPHONE} Mobile/15E148 DingTalk/7.5.0`, 'DingTalk', 'iOS'],
    [`${android('Pixel 8; wv')} MetaIAB Facebook`, 'Facebook', 'Android'],
    [`${android('Pixel 8')} aweme_290100 JsSdk/1.0 NewsArticle/29.1.0`, 'Douyin', 'Android'],
    [`${android('V2055A')} MQQBrowser/14.5`, 'QQ Browser', 'Android'],
  ])('%s', (userAgent, browser, os) => {
    const client = clientOf(userAgent);
    expect([client.browser, client.os]).toEqual([browser, os]);
  });

  test('a User-Agent that nobody knows does not become the name of a browser', () => {
    // From a real log; its beginning would be longer than the column.
    const lava =
      'LAVA.KKT35+.FARSIGHTED60D_CN_11B_HW (MAUI/KKT35_S116_20130820;BDATE/2013/08/20 14:41;LCD/240320;CHIP/MT6260;KEY/Normal;TOUCH/0;CAMERA/1;SENSOR/0;DEV/FARSIGHTED60D_CN_11B_HW;WAP Browser/MAUI (HTTPS)) LAVA_KKT35_S116_20130820 Release/2013.08.20 WAP Browser/MAUI (HTTPS) Profile/  Q03C1-2.40 en-US';
    expect(clientOf(lava).browser).toBeUndefined();
  });
});

test('without a User-Agent nothing is known', () => {
  expect([clientOf(undefined), clientOf(undefined, 'web')]).toEqual([{ device: 'other' }, { device: 'other' }]);
});

test('of a longer header only the beginning counts, which is what is kept of an event', () => {
  const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)';
  expect(clientOf(`${phone}${' '.repeat(600)}Googlebot`)).toBe(clientOf(`${phone}${' '.repeat(700)}curl`));
});

test.each(['Tizen ', 'Android; aa-aa-', 'Mozilla/5.0 (Linux; Android;aa-aa-aa-', 'compatible; a@b.', '(', 'a_Shell_'])(
  'a new User-Agent made of %j takes time by its length alone: whoever sends many holds up nobody',
  (part) => {
    expect(growthOf((length, run) => clientOf(part.repeat(512).slice(0, length) + run), 500)).toBeLessThan(LINEAR);
  },
);
