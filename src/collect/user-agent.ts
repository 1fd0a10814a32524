import Bowser from 'bowser';
import type { Platform } from '../events/platform.js';
import type { Device } from '../events/event.js';
import { USER_AGENT_MAX } from '../events/limits.js';
import { deviceClass, isIpadAsMac, namesEngine } from './device-class.js';
import { inAppBrowser } from './in-app-browsers.js';
import { type ByPlatform, isBot, programClass } from './programs.js';

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

const KIND_OF_PLATFORM: Record<Platform | 'none', keyof ByPlatform> = {
  web: 'web',
  ios: 'phone',
  android: 'phone',
  server: 'server',
  none: 'none',
};

/** What a User-Agent tells by itself. */
interface Parsed {
  client: Client;
  /** Set for a program that names neither browser nor device: the app's platform says what it runs on. */
  program?: ByPlatform;
}

/** Browsers without an engine to name. */
const PLAIN_BROWSER = /^(?:Lynx|E?Links|w3m|Dillo|NetSurf|Konqueror|Mosaic)\b/i;

/**
 * Device, browser and os of a User-Agent; unknown or absent: `other`.
 * @param platform of the app that the event belongs to. It says what a program is that names neither browser nor device: one
 *   that sends to an app for iOS or Android runs on phones, a site is visited by scripts, and of a server nothing is known
 */
export function clientOf(userAgent: string | undefined, platform?: Platform): Client {
  if (!userAgent) return { device: 'other' };
  const { program, client } = parsed(userAgent.length > USER_AGENT_MAX ? beginning(userAgent) : userAgent);
  return program ? { ...client, device: program[KIND_OF_PLATFORM[platform ?? 'none']] } : client;
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
  const program = programClass(userAgent, shape);
  const device = program?.none ?? (isBot(userAgent, shape) ? 'bot' : shape);
  // A headset of that name, not Firefox Focus.
  const { browser, os } = Bowser.parse(userAgent.replace('VIVE Focus', 'VIVE'));
  const browserName = device === 'bot' ? browser.name : (inAppBrowser(userAgent) ?? browserOf(userAgent, browser.name));
  const osName = isIpadAsMac(userAgent) ? 'iOS' : os.name;
  const client: Client = { device };
  if (isName(browserName)) client.browser = browserName;
  if (isName(osName)) client.os = osName;
  return { client, program };
}

/** Bowser takes every app that names no browser for one of that name, for the Android Browser, or for Chrome on a Chromecast. */
function browserOf(userAgent: string, name: string | undefined): string | undefined {
  return namesEngine(userAgent) || PLAIN_BROWSER.test(userAgent) ? name : undefined;
}

/** Of a browser that it does not know bowser gives the whole beginning of the User-Agent as the name. */
function isName(text: string | undefined): text is string {
  return text !== undefined && text.length > 0 && text.length <= NAME_MAX && !/[/;()]/.test(text);
}
