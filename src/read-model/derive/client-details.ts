import Bowser from 'bowser';
import { remembered } from './bounded-cache.js';

/** What a User-Agent tells beside the names that collect has taken from it. '' where it tells nothing. */
interface UserAgentDetails {
  readonly browser: string;
  readonly browserVersion: string;
  readonly os: string;
  readonly osVersion: string;
  readonly deviceModel: string;
}

/** Versions and model of what an event's client runs on. */
export interface ClientDetails {
  browserVersion: string;
  osVersion: string;
  deviceModel: string;
}

const detailsOf = remembered(2000, readUserAgent);

/**
 * Versions and device model by an event's User-Agent. A version counts only for the browser and system that the event is stored with:
 * a page shown within Instagram is no page of Chrome 120. Where the User-Agent gives none, a number at the end of the stored name is
 * the version (`Windows 11`).
 */
export function clientDetails(userAgent: string, browser: string, os: string): ClientDetails {
  const told = userAgent ? detailsOf(userAgent) : undefined;
  return {
    browserVersion: told && isSame(told.browser, browser) ? told.browserVersion : versionAtEnd(browser),
    osVersion: told && isSame(told.os, os) ? told.osVersion : versionAtEnd(os),
    deviceModel: told?.deviceModel ?? '',
  };
}

/** Major and minor version, without `.0`: `120.0.6099.109` is `120`, and `17.1.2` is `17.1`. Other texts stay as they are. */
export function shortVersion(version: string): string {
  const [, major, minor] = /^v?(\d+)(?:\.(\d+))?(?:\.\d+)*$/i.exec(version) ?? [];
  if (major === undefined) return version;
  return minor === undefined || Number(minor) === 0 ? major : `${major}.${minor}`;
}

function isSame(told: string, stored: string): boolean {
  return told !== '' && told.toLowerCase() === stored.toLowerCase();
}

function versionAtEnd(name: string): string {
  return /(?<= )\d+(?:\.\d+)*$/.exec(name)?.[0] ?? '';
}

function readUserAgent(userAgent: string): UserAgentDetails {
  const { browser, os } = Bowser.parse(userAgent);
  return {
    browser: browser.name ?? '',
    browserVersion: browser.version ?? '',
    os: os.name ?? '',
    osVersion: osVersionOf(userAgent, os),
    deviceModel: modelOf(userAgent),
  };
}

function osVersionOf(userAgent: string, { name, version, versionName }: Bowser.Parser.OSDetails): string {
  // Of Windows 10 the version is "NT 10.0".
  if (name === 'Windows') return versionName ?? '';
  // Apps write "iOS 17.1", which bowser does not read.
  return version || (name === 'iOS' && /\biOS[ /](\d+(?:\.\d+)*)/.exec(userAgent)?.[1]) || '';
}

/** What follows `Android 13;` up to the end of the comment, which may have brackets within it. */
const BESIDE_ANDROID = /[(;] ?Android\b[^;()]*;([^()]*(?:\([^()]*\)[^()]*)*)/;

/** The model that an Android program names, or the kind of Apple's device. */
function modelOf(userAgent: string): string {
  const apple = /\b(?:iPhone|iPad|iPod)(?:\d{1,2},\d{1,2})?\b/.exec(userAgent);
  if (apple) return apple[0];
  const beside = BESIDE_ANDROID.exec(userAgent)?.[1];
  const model = beside
    ?.split(';')
    .map((part) => part.replace(/ ?\b(?:Build|MIUI)\/.*$/, '').trim())
    .find((part) => part !== '' && !NO_MODEL.test(part));
  return model ?? '';
}

/** What stands beside the model: a language, a web view, a Firefox. `K` is what Chrome writes in place of every model. */
const NO_MODEL = /^(?:[a-z]{2}(?:[-_][a-z]{2})?|wv|K|U|Mobile|Tablet|rv:.*|Linux)$/i;
