import { createIsbotFromList, isbot, list } from 'isbot';
import type { Device } from '../events/event.js';
import { LIBRARY_AS_BROWSER, LIBRARY_BEHIND, LIBRARY_FIRST } from './http-libraries.js';
import { BOT_OR_APP, KNOWN_BOT } from './known-bots.js';
import { isAppliance, namesEngine, namesModel } from './device-class.js';
import { withoutModel } from './device-models.js';

/** An address to read about the sender or to write to: a custom of bots, which apps and browsers do not share. */
const CONTACT = /\+ ?https?:|compatible;[^)]*https?:|@\w+\.\w+/i;
/** The page of an HTTP library itself, such as node-fetch's. */
const LIBRARY_PAGE = /\+ ?https?:\/\/(?:www\.)?github\.com\/\S*/gi;

/** What a bot that poses as a phone's browser adds to the browser's User-Agent. */
const BOT_WORD = new RegExp(
  [
    String.raw`(?<=[a-z.-])(?<!cu)bots?\b|\bbots?\/|spider\b(?!.?solitaire)|crawl(?:er|ing)?\b|slurp\b|-agent\b|externalagent`,
    String.raw`synthetics?\b|page ?speed|google-|\w-google\b|insights|preview|scanner|monitor(?:ing)?\b|checker|validator|archiver|scraper|electron/.*test`,
  ].join('|'),
  'i',
);
/** What a crawler without a browser's User-Agent calls itself. */
const CRAWLER_NAME = /bots?\b|spider\b|crawl(?:er)?\b/i;

/** A page shown within an app, which adds its own name: Android says "wv", and on iOS "Safari" is missing. */
const WITHIN_APP = /; wv\)|Version\/4\.0 Chrome\/|\((?:iPhone|iPad|iPod)(?!.*Safari\/)/;

/** Programs that people use, and add-ons of their browsers, whose names sound like a bot's to isbot. */
const USED_BY_PEOPLE = new RegExp(
  [
    'chromeframe|QQDownload|Google Earth|AlphaServer|OffByOne|BrowseX|i-NavFourF|NetSurf',
    'FeedDemon|QuiteRSS|NetNewsWire|Liferea|newsbeuter|newsboat|ReadKit|RssBandit|RSSOwl|Downcast|XBMC|Kodi',
  ].join('|'),
  'i',
);

const PHONE_SYSTEM = /\b(?:iPhone|iPad|iPod|iOS|Android)|CFNetwork\//;

/** A computer that a program names beside its library. Servers name Linux. */
const NAMED_COMPUTER = /macOS|Macintosh|MacBook|iMac|Macmini|Windows NT|X11|CrOS|CFNetwork\/.+\b(?:x86_64|arm64)/;

/**
 * Names that no bot has. What isbot finds in them it finds in any short name, such as `MyShop/1.4`, and in words that apps and
 * servers have in their names too.
 */
const MADE_UP = [
  ...['Zzyy/1.0', 'Zzyy/1.4.2', 'Zzyy', 'Zz-Yy/20', 'zz yy/2.0', 'Zzyy/1.4 (zzyy)', 'Zzyy/1.0;', 'Zz()'],
  ...['zzyy-server', 'zzyy-node', 'zzyy library', 'zzyy-tools', 'zzyy-url', 'zzyy-proxy', 'zzyy-download', 'client/1'],
];
const isNamedBot = createIsbotFromList(
  list.filter((pattern) => !MADE_UP.some((name) => new RegExp(pattern, 'i').test(name))),
);

/** Whether a program without a person before it sent this, such as a search engine's or a monitor's. */
export function isBot(userAgent: string, device: Device): boolean {
  if (KNOWN_BOT.test(userAgent) && !isPhoneApp(userAgent)) return true;
  if (BOT_OR_APP.test(userAgent) && isNoApp(userAgent)) return true;
  if (!isbot(userAgent)) return false;
  // isbot looks for less than a phone, a tablet or an appliance may well say.
  if (device === 'mobile' || device === 'tablet' || isAppliance(userAgent) || namesModel(userAgent)) {
    const rest = withoutModel(userAgent);
    if (CONTACT.test(rest)) return true;
    if (!namesEngine(userAgent)) return false;
    return /https?:\/\//i.test(rest) || (!WITHIN_APP.test(userAgent) && BOT_WORD.test(rest));
  }
  return !(device === 'desktop' && USED_BY_PEOPLE.test(userAgent));
}

/** An app's own request: it names the phone's system, no engine and no address. */
function isPhoneApp(userAgent: string): boolean {
  return PHONE_SYSTEM.test(userAgent) && !namesEngine(userAgent) && !CONTACT.test(userAgent);
}

/** Apps name no engine, or show pages within themselves, and give no address. */
function isNoApp(userAgent: string): boolean {
  return namesEngine(userAgent) ? !WITHIN_APP.test(userAgent) : CONTACT.test(userAgent);
}

/** What a program is to each kind of app; `none` where the app names no platform. */
export type ByPlatform = Record<'web' | 'phone' | 'server' | 'none', Device>;

/**
 * What a program counts as whose User-Agent names neither a browser nor a device: an HTTP library, or an app or a server that
 * gives its own name. The platform of the app whose key it has tells what it runs on.
 * @returns undefined for any other User-Agent
 */
export function programClass(userAgent: string, device: Device): ByPlatform | undefined {
  // A television's app stays `other`, which for any other program would mean that nothing is known.
  if (namesModel(userAgent)) return undefined;
  if (isHttpLibrary(userAgent, device)) return { web: 'bot', phone: 'mobile', server: 'other', none: 'other' };
  if (/^Mozilla\//.test(userAgent) || isAppliance(userAgent)) return undefined;
  if (device === 'desktop' && USED_BY_PEOPLE.test(userAgent)) return undefined;
  if (KNOWN_BOT.test(userAgent) || CONTACT.test(userAgent) || !/[a-z][a-z\d]/i.test(userAgent)) return undefined;
  const onLinux = device === 'desktop' && /\blinux\b/i.test(userAgent) && !NAMED_COMPUTER.test(userAgent);
  if (device !== 'other' && !(onLinux && !namesEngine(userAgent))) return undefined;
  return {
    web: isBot(userAgent, device) ? 'bot' : device,
    phone: 'mobile',
    server: CRAWLER_NAME.test(userAgent) ? 'bot' : 'other',
    none: isNamedBot(userAgent) ? 'bot' : device,
  };
}

/** Whether a User-Agent is that of an HTTP library, and neither a browser's nor one that tells the device. */
function isHttpLibrary(userAgent: string, device: Device): boolean {
  if (device === 'mobile' || device === 'tablet') return false;
  if (/^Mozilla\//.test(userAgent)) return LIBRARY_AS_BROWSER.test(userAgent);
  if (NAMED_COMPUTER.test(userAgent) || USED_BY_PEOPLE.test(userAgent)) return false;
  if (KNOWN_BOT.test(userAgent) && !isPhoneApp(userAgent)) return false;
  if (LIBRARY_FIRST.test(userAgent)) return !CONTACT.test(userAgent.replace(LIBRARY_PAGE, ''));
  return LIBRARY_BEHIND.test(userAgent) && !CONTACT.test(userAgent);
}
