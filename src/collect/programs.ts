import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isbot } from 'isbot';
import { isAppliance } from './device-class.js';
import { withoutModel } from './device-models.js';
import type { Device } from '../events/event.js';

/** Bots that isbot does not know. */
const MORE_BOTS = /GTmetrix/i;

/**
 * What only bots write, even those that pose as a phone. isbot looks for less, which is right for computers; but phones have
 * models called "Discovery" or "M bot 60", and apps have "News", "Download" and "Sogou" in their names.
 */
const CERTAINLY_BOT = new RegExp(
  [
    String.raw`(?<=[a-z.-])(?<!cu)bots?\b|\bbots?\/|spider|crawl|slurp|\+ ?https?:|compatible;[^)]*https?:|@\w+\.\w+`,
    'headless|lighthouse|page ?speed|insights|PTST/|phantomjs|playwright|selenium|puppeteer|cypress|electron/.*test',
    'google-|-agent\\b|hotjar|mediapartners|feedfetcher|preview|scanner|monitoring|checker|validator|archiver|scraper|GTmetrix|Pingdom|StatusCake',
  ].join('|'),
  'i',
);

/** Programs that people use, and add-ons of their browsers, whose names sound like a bot's to isbot. */
const USED_BY_PEOPLE = new RegExp(
  [
    'chromeframe|QQDownload|Google Earth|AlphaServer|OffByOne|BrowseX|i-NavFourF',
    'FeedDemon|QuiteRSS|NetNewsWire|Liferea|newsbeuter|newsboat|ReadKit|RssBandit|RSSOwl|Downcast|XBMC|Kodi',
  ].join('|'),
  'i',
);

/** Parts of expressions in a file of their own, since scripts/client/access-log.mjs reads them too. */
const LIBRARIES = JSON.parse(readFileSync(join(import.meta.dirname, 'http-libraries.json'), 'utf8')) as {
  first: string[];
  behind: string[];
};
/** HTTP libraries and command-line tools, as they name themselves at the beginning of a User-Agent. */
const LIBRARY_FIRST = new RegExp(`^(?:${LIBRARIES.first.join('|')})`, 'i');
/** Those that stand behind the name of the program that uses them. */
const LIBRARY_BEHIND = new RegExp(LIBRARIES.behind.join('|'), 'i');

/** Whether a program without a person before it sent this, such as a search engine's or a monitor's. */
export function isBot(userAgent: string, device: Device): boolean {
  if (MORE_BOTS.test(userAgent)) return true;
  if (!isbot(userAgent)) return false;
  // isbot looks for less than a phone, a tablet or an appliance may well say.
  if (device === 'mobile' || device === 'tablet' || isAppliance(userAgent)) {
    return CERTAINLY_BOT.test(withoutModel(userAgent));
  }
  return !(device === 'desktop' && USED_BY_PEOPLE.test(userAgent));
}

/**
 * Whether a User-Agent is that of an HTTP library: an app's, a server's or a script's, and neither a browser's nor one that
 * tells the device.
 */
export function isHttpLibrary(userAgent: string, device: Device): boolean {
  if (device === 'mobile' || device === 'tablet' || /^Mozilla\//.test(userAgent)) return false;
  if (/CFNetwork\/.+\b(?:x86_64|arm64|MacBook|iMac|Macmini)/.test(userAgent)) return false; // a Mac
  return (LIBRARY_FIRST.test(userAgent) || LIBRARY_BEHIND.test(userAgent)) && !CERTAINLY_BOT.test(userAgent);
}
