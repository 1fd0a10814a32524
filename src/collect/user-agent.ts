import Bowser from 'bowser';
import { isbot } from 'isbot';
import type { Device } from '../events/event.js';
import { USER_AGENT_MAX } from '../events/limits.js';

/** What a User-Agent tells; browser and os are names without versions. */
export interface Client {
  device: Device;
  browser?: string;
  os?: string;
}

/** Sites see few different User-Agents at a time; parsing one costs more than the rest of an event. */
const CACHE_SIZE = 5000;
const NAME_MAX = 64;
const cache = new Map<string, Client>();

/** Device, browser and os of a User-Agent, by bowser and isbot. Unknown or absent: `other`. */
export function clientOf(userAgent: string | undefined): Client {
  if (!userAgent) return { device: 'other' };
  const text = userAgent.length > USER_AGENT_MAX ? beginning(userAgent) : userAgent;
  const known = cache.get(text);
  if (known) return known;
  const client = parse(text);
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value!);
  cache.set(text, client);
  return client;
}

/** As a text of its own: a slice would keep the whole header in memory as long as it is known. */
function beginning(userAgent: string): string {
  return Buffer.from(userAgent.slice(0, USER_AGENT_MAX)).toString();
}

function parse(userAgent: string): Client {
  const { browser, os, platform } = Bowser.parse(userAgent);
  return {
    device: isbot(userAgent) ? 'bot' : deviceOf(platform.type),
    ...(isName(browser.name) ? { browser: browser.name } : {}),
    ...(isName(os.name) ? { os: os.name } : {}),
  };
}

/** Of a browser that it does not know bowser gives the whole beginning of the User-Agent as the name. */
function isName(text: string | undefined): text is string {
  return text !== undefined && text.length > 0 && text.length <= NAME_MAX && !/[/;()]/.test(text);
}

function deviceOf(type: string | undefined): Device {
  return type === 'mobile' || type === 'tablet' || type === 'desktop' || type === 'bot' ? type : 'other';
}
