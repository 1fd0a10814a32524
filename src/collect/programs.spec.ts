import type { Device } from '../events/event.js';
import type { Platform } from '../events/platform.js';
import { android, IPHONE } from '../../test/plain/agents.js';
import { clientOf } from './user-agent.js';

describe('apps and bots', () => {
  test('an app that shares its name with a bot is a phone’s, and its name is no browser', () => {
    const names = [
      'Lighthouse/3.2',
      'Intelligent Lighthouse/1.0',
      'Headless Horseman/1.0',
      'Prerenderer/1.2',
      'Rigor/2',
    ];
    names.push('Selenium Tracker/1.0', 'Percy/1.0', 'Prerender/1.0', 'Cypress/2', 'Chromatic/1', 'Playwright/3');
    names.push('Puppeteer Show/1.0', 'Arachnid/1.0', 'Apical/1.0');
    const apps = names.flatMap((name) => [
      ...[`${name} (iPhone; iOS 17.0)`, `${name} (Android 14; SM-S911B)`, `${name} CFNetwork/1410 Darwin/22.6.0`],
      `${android('SM-S911B; wv')} ${name}`,
    ]);
    for (const platform of ['ios', 'android'] as const) {
      expect(apps.filter((userAgent) => clientOf(userAgent, platform).device !== 'mobile')).toEqual([]);
    }
    const browsers = new Set(apps.map((userAgent) => clientOf(userAgent, 'ios').browser));
    expect([...browsers].sort()).toEqual(['Chrome', undefined]);
    const contact = '(+https://example.com/bot)';
    expect(names.filter((name) => clientOf(`${name} ${contact}`, 'ios').device !== 'bot')).toEqual([]);
  });

  test('a bot that poses as a phone’s browser is one', () => {
    const names = [
      ...['DatadogSynthetics', 'NewRelicSynthetics', 'RuxitSynthetic/1.0', 'Site24x7', 'Catchpoint', 'SpeedCurve'],
      ...[
        'GhostInspector',
        'Detectify',
        'Rigor',
        'Applitools',
        'meta-externalagent/1.1',
        'Chrome-Lighthouse',
        'PTST/240101',
      ],
      ...[
        'Checkly/1.0',
        'DebugBear',
        'ChatGPT-User/1.0',
        'HeadlessChrome',
        'Google-InspectionTool/1.0',
        'BingPreview/1.0b',
      ],
      ...['NewSynthetics/2', 'NewCrawler/1.0', 'newspider', 'NewBot/1', 'LinkScanner/2', 'Acme-Agent'],
    ];
    const browsers = [`${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`, android('Pixel 8'), android('SM-X700')];
    const posing = names.flatMap((name) =>
      browsers.flatMap((browser) => [`${browser} ${name}`, `${browser} (compatible; ${name})`]),
    );
    expect(posing.filter((userAgent) => clientOf(userAgent, 'ios').device !== 'bot')).toEqual([]);
  });

  test('a phone’s app is a phone, whatever its name', () => {
    const names = [
      ...['SpiderSolitaire/1.2', 'QR Scanner/4.1', 'PriceChecker/1.0', 'Insights/2.0', 'Chatbot/3', 'Preview App/1'],
      ...[
        'Robot Wars/1',
        'Crawl Stars/2',
        'News/4',
        'Validator/1',
        'Monitor/1',
        'FeedReader/2',
        'Google-Fit/2',
        'Server/1',
      ],
    ];
    const apps = names.flatMap((name) => [
      `${name} (Android 14; SM-S911B)`,
      `${name} (iPhone; iOS 17.0)`,
      `${name} (Linux; U; Android 14; SM-S911B Build/UP1A)`,
      // A page that is shown within the app.
      `${IPHONE} Mobile/15E148 ${name}`,
      `${android('SM-S911B; wv')} ${name}`,
    ]);
    expect(apps.filter((userAgent) => clientOf(userAgent).device !== 'mobile')).toEqual([]);
  });
});

test.each<[string, Record<Platform | 'none', Device>]>([
  ...[
    'okhttp/4.12.0',
    'Go-http-client/2.0',
    'python-requests/2.32.3',
    'Python-urllib/3.12',
    'curl/8.5.0',
    'axios/1.7.2',
    'node-fetch',
    'node',
    'undici',
    'Java/17.0.2',
    'Java-http-client/21',
    'Apache-HttpClient/4.5.14 (Java/17.0.2)',
    'Dart/3.4 (dart:io)',
    'MyShop/12 CFNetwork/1490.0.4 Darwin/23.2.0',
    'GuzzleHttp/7',
    'Ruby',
    'reqwest/0.12',
    'PostmanRuntime/7.39.0',
    'UnityPlayer/2022.3.10f1 (UnityWebRequest/1.0, libcurl/8.1.1-DEV)',
    'okhttp/4.12.0 MyShop/7',
    // node-fetch names its own page.
    'node-fetch/1.0 (+https://github.com/bitinn/node-fetch)',
    'node-fetch (+https://github.com/node-fetch/node-fetch)',
    'MyService/1.0 Go-http-client/1.1',
    'my-backend/2.0 (node 18) axios/1.6',
    'my-backend/2.0 (linux x86_64; node 18) axios/1.6',
    'Google-HTTP-Java-Client/1.43.3 (gzip)',
    'aws-sdk-go/1.44.0 (go1.20; linux; amd64)',
    'Vert.x-WebClient/4.5.0',
    'jsoup',
    'ESP32HTTPClient',
    'Swift/5 URLSession',
    'Microsoft Windows PowerShell/5.1',
    'Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1',
    'Mozilla/5.0 (Linux; Ubuntu 22.04; en-US) PowerShell/7.4.1',
    'Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)',
    'Mozilla/3.0 (compatible; Indy Library)',
    // Own names of apps and servers.
    'MyService/1.0',
    'MyShop/1.4',
    'MyShop/1.4.2',
    'MyShop',
    'com.example.shop/42',
    'Acme Backend 3',
    'my-server',
    'X1/2.0',
    'A1',
    'w3m/0.5.3',
  ].map((library): [string, Record<Platform | 'none', Device>] => [
    library,
    { web: 'bot', ios: 'mobile', android: 'mobile', server: 'other', none: 'other' },
  ]),
  [
    'Googlebot/2.1 (+http://www.google.com/bot.html)',
    { web: 'bot', ios: 'bot', android: 'bot', server: 'bot', none: 'bot' },
  ],
  [
    'http.rb/3.2.0 (Mastodon/2.4.3; +https://uwu.social/)',
    { web: 'bot', ios: 'bot', android: 'bot', server: 'bot', none: 'bot' },
  ],
  ['facebookexternalhit/1.1', { web: 'bot', ios: 'bot', android: 'bot', server: 'bot', none: 'bot' }],
  ['NewCrawler/1.0', { web: 'bot', ios: 'mobile', android: 'mobile', server: 'bot', none: 'bot' }],
  [
    'MyService/1.0 (Linux x86_64)',
    { web: 'desktop', ios: 'mobile', android: 'mobile', server: 'other', none: 'desktop' },
  ],
  [
    'MyShop/1.4 (com.example.shop; build:7; macOS 14.5.0) Alamofire/5.9.1',
    { web: 'desktop', ios: 'desktop', android: 'desktop', server: 'desktop', none: 'desktop' },
  ],
  ...[
    'Dalvik/2.1.0 (Linux; U; Android 9; MIBOX4 Build/PI)',
    'Dalvik/2.1.0 (Linux; U; Android 12; onn. 4K Streaming Box Build/SP1A)',
    'Dalvik/2.1.0 (Linux; U; Android 12; Chromecast HD Build/S)',
    'Dalvik/2.1.0 (Linux; U; Android 11; MECOOL KM6 Build/RTM)',
    'MyTv/1.0 (Android 9; MIBOX4)',
    'MyTv/1.0 (Android 9; MIBOX4) okhttp/4.12.0',
    'ExoPlayer/2.18 (Linux; Android 9; MIBOX4)',
  ].map((app): [string, Record<Platform | 'none', Device>] => [
    app,
    { web: 'other', ios: 'other', android: 'other', server: 'other', none: 'other' },
  ]),
  ['Roku/DVP-12.0', { web: 'other', ios: 'other', android: 'other', server: 'other', none: 'other' }],
  [android('Pixel 8'), { web: 'mobile', ios: 'mobile', android: 'mobile', server: 'mobile', none: 'mobile' }],
])('%s by the platform of its app', (userAgent, expected) => {
  const platforms = ['web', 'ios', 'android', 'server'] as const;
  const found = platforms.map((platform) => [platform, clientOf(userAgent, platform).device]);
  expect(Object.fromEntries([...found, ['none', clientOf(userAgent).device]])).toEqual(expected);
});
