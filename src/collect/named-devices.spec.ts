import { readFileSync } from 'node:fs';
import type { Device } from '../events/event.js';
import { android, CHROME, IPHONE, WEBKIT } from '../../test/plain/agents.js';
import { deviceClass } from './device-class.js';
import { clientOf } from './user-agent.js';

const PLATFORMS = [undefined, 'web', 'ios', 'android', 'server'] as const;

/** The User-Agents that are not of the class on each platform. */
const wrong = (device: Device, userAgents: string[]) =>
  userAgents.flatMap((userAgent) =>
    PLATFORMS.map((platform) => ({ userAgent, platform, device: clientOf(userAgent, platform).device })).filter(
      (found) => found.device !== device,
    ),
  );

/** Apps for phones that are named like an appliance, or like a bot. */
const APPS = [
  ...['Xbox/2023', 'XboxApp/1', 'Roku/9.2.0', 'Sonos/1', 'PlayStation App/23.1', 'Tesla/4.30', 'Apple TV/1'],
  ...['Google TV/1.0', 'Android TV Remote/2', 'Smart TV Remote/2.0', 'Nintendo Switch Online/2.0', 'BRAVIA/3'],
  ...['HotJarring/2.0', 'Catchpoint Fishing/1.0', 'Dotbot Game/1.0', 'Hotjar/1', 'Checkly/1.0', 'Browserless/1'],
];

test('a phone or tablet that names itself is one, whatever its app is called', () => {
  const phones = APPS.flatMap((app) => [
    `${app} (iPhone; iOS 17.0)`,
    `${app} (Android 14; SM-S911B)`,
    `${app} (Linux; U; Android 14; SM-S911B Build/UP1A)`,
    `${app} (com.example; build:7; iOS 17.5.0) Alamofire/5.9.1`,
  ]);
  expect(wrong('mobile', [...phones, `${IPHONE} Mobile/15E148 Roku/1`, `${android('SM-S911B; wv')} Roku/1`])).toEqual(
    [],
  );
  const tablets = APPS.flatMap((app) => [`${app} (iPad; iOS 17.0)`, `${app} (Android 14; SM-X700)`]);
  expect(wrong('tablet', tablets)).toEqual([]);
});

test('a model that the table knows is of its class in browsers and apps', () => {
  const table = JSON.parse(readFileSync('dist/device-models.json', 'utf8')) as Record<Device, string[]>;
  // Entries that are no models of phones, such as "fresh smart tv".
  const broken = /\bsmart ?tv|android tv|\bshell\b|pixelbook/;
  for (const device of ['mobile', 'tablet', 'desktop'] as const) {
    const models = table[device].filter((model) => !/[;()/]|build|miui/.test(model) && !broken.test(model));
    const agents = models.flatMap((model) => [
      `Dalvik/2.1.0 (Linux; U; Android 14; ${model} Build/UP1A)`,
      `MyShop/1.4 (Android 14; ${model})`,
      android(model),
    ]);
    expect(agents.filter((userAgent) => deviceClass(userAgent) !== device)).toEqual([]);
  }
});

test('appliances that have an Android model or a desktop’s system are none of these', () => {
  const models = ['VIVE Focus 3', 'Magic Leap 2', 'Glass Enterprise Edition 2', 'Lynx-R1', 'SMART_TV', 'BeyondTV4'];
  models.push('Portal+', 'Pixel Watch', 'OnePlus Watch 2');
  const appliances = [
    ...models.flatMap((model) => [android(model), android(model).replace(' Mobile', '')]),
    `Mozilla/5.0 (X11; Linux armv7l) ${WEBKIT} Chrome/88 Safari/537.36 VIZIO SmartCast(Conjure/MTKE-3.0.22)`,
    'Mozilla/5.0 (X11; Linux x86_64) Cobalt/23.lts.4 (unlike Gecko) gles Starboard/14, Comcast_STB_ARRIS/ (ARRIS, XG1, Wired)',
    'Mozilla/5.0 (X11; Linux x86_64) Cobalt/22.lts (unlike Gecko) Starboard/13, Acme_TV_MT5867_2021/1.0 (Acme, 55, Wired)',
    // A phone worn in a headset.
    `Mozilla/5.0 (Linux; Android 9; SM-G950F) ${WEBKIT} SamsungBrowser/4.0 Chrome/112 Mobile VR Safari/537.36`,
  ];
  expect(wrong('other', appliances)).toEqual([]);
  expect(clientOf(android('VIVE Focus 3')).browser).toBe('Chrome');
});

test('computers of people who use NetSurf, and Pixelbooks', () => {
  const computers = ['NetBSD; amd64', 'OpenBSD; amd64', 'FreeBSD; amd64', 'Linux; x86_64'].map(
    (system) => `NetSurf/3.10 (${system})`,
  );
  const pixelbooks = ['Pixelbook', 'Pixelbook Go'].flatMap((model) => [
    `Mozilla/5.0 (Linux; Android 11; ${model}) ${CHROME} Safari/537.36`,
    `Dalvik/2.1.0 (Linux; U; Android 11; ${model} Build/R)`,
  ]);
  expect(wrong('desktop', [...computers, ...pixelbooks])).toEqual([]);
});

test('libraries are other where no platform is set, and bots on the web', () => {
  const libraries = [
    ...['http-kit/2.0', 'clj-http', 'HTTP::Tiny', 'HTTP-Tiny/0.088', 'Net::HTTP', 'Zend_Http_Client', 'R (4.3.0)'],
    ...['Laminas_Http_Client', 'OpenAPI-Generator/1.0.0/java', 'Swagger-Codegen/1.0/php', 'zig/0.11.0 (std.http)'],
    ...['cohttp', 'urlgrabber/4', 'Jetty/11', 'Perl', 'resty', 'http-client/0.7', 'Stripe/v1 NodeBindings/1'],
    ...['Mozilla/4.0 (compatible; MSXML2)', 'R (4.3.0 x86_64-pc-linux-gnu x86_64 linux-gnu)'],
  ];
  const found = libraries.map((library) => [
    library,
    ...PLATFORMS.map((platform) => clientOf(library, platform).device),
  ]);
  expect(found).toEqual(libraries.map((library) => [library, 'other', 'bot', 'mobile', 'mobile', 'other']));
});

test('bots that pose as a phone’s browser by a name of several words', () => {
  const names = ['DuplexWeb-Google/1.0', 'Nuclei', 'Nuclei - Open-source project', 'New-Google', 'SiteimproveBot/1'];
  expect(
    wrong(
      'bot',
      names.flatMap((name) => [
        `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1 ${name}`,
        `${android('Pixel 8')} ${name}`,
      ]),
    ),
  ).toEqual([]);
  expect(wrong('bot', ['AdsBot-Google-Mobile-Apps', 'Googlebot-Image/1.0', 'Baiduspider-render/2.0'])).toEqual([]);
});
