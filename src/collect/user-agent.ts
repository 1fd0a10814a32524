import Bowser from 'bowser';
import type { Platform } from '../events/platform.js';
import type { Device } from '../events/event.js';
import { USER_AGENT_MAX } from '../events/limits.js';
import { deviceClass, isIpadAsMac } from './device-class.js';
import { inAppBrowser } from './in-app-browsers.js';
import { isBot, isHttpLibrary } from './programs.js';

/** What a User-Agent tells; browser and os are names without versions. */
export interface Client {
  device: Device;
  browser?: string;
  os?: string;
}

/** Sites see few different User-Agents at a time; parsing one takes longer than most else about an event. */
const CACHE_SIZE = 5000;
const NAME_MAX = 64;
const cache = new Map<string, Parsed>();

/** What a User-Agent tells by itself. */
interface Parsed {
  client: Client;
  /** An HTTP library: the app's platform says on what it runs. */
  library: boolean;
}

/** What names a browser's engine; apps that send requests by themselves name none. */
const ENGINE = /AppleWebKit|Gecko|Presto|Trident|MSIE|Opera|UCBrowser|UCWEB|NetFront/;

/**
 * Device, browser and os of a User-Agent; unknown or absent: `other`.
 * @param platform of the app that the event belongs to: it says what an HTTP library is. One for iOS or Android sends from
 *   phones, a site is visited by scripts, and of a server nothing is known
 */
export function clientOf(userAgent: string | undefined, platform?: Platform): Client {
  if (!userAgent) return { device: 'other' };
  const { library, client } = parsed(userAgent.length > USER_AGENT_MAX ? beginning(userAgent) : userAgent);
  return library ? { ...client, device: deviceOfLibrary(platform) } : client;
}

function parsed(userAgent: string): Parsed {
  const known = cache.get(userAgent);
  if (known) return known;
  const fresh = parse(userAgent);
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value!);
  cache.set(userAgent, fresh);
  return fresh;
}

/** As a text of its own: a slice would keep the whole header in memory as long as it is known. */
function beginning(userAgent: string): string {
  return Buffer.from(userAgent.slice(0, USER_AGENT_MAX)).toString();
}

function parse(userAgent: string): Parsed {
  const shape = deviceClass(userAgent);
  const library = isHttpLibrary(userAgent, shape);
  const device = !library && isBot(userAgent, shape) ? 'bot' : shape;
  const { browser, os } = Bowser.parse(userAgent);
  const browserName = device === 'bot' ? browser.name : (inAppBrowser(userAgent) ?? browserOf(userAgent, browser.name));
  const osName = isIpadAsMac(userAgent) ? 'iOS' : os.name;
  const client: Client = { device };
  if (isName(browserName)) client.browser = browserName;
  if (isName(osName)) client.os = osName;
  return { client, library };
}

/** Bowser takes every Android app that names no browser for the Android Browser. */
function browserOf(userAgent: string, name: string | undefined): string | undefined {
  return name === 'Android Browser' && !ENGINE.test(userAgent) ? undefined : name;
}

/** Of a browser that it does not know bowser gives the whole beginning of the User-Agent as the name. */
function isName(text: string | undefined): text is string {
  return text !== undefined && text.length > 0 && text.length <= NAME_MAX && !/[/;()]/.test(text);
}

function deviceOfLibrary(platform: Platform | undefined): Device {
  if (platform === 'ios' || platform === 'android') return 'mobile';
  return platform === 'web' ? 'bot' : 'other';
}
