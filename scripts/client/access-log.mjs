import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { ROOT } from '../launcher/settings.mjs';
import { isPageView } from './page-view.mjs';

/**
 * The combined log format of Apache and nginx: address, identity, user, [time], "request", status, bytes, "referrer",
 * "User-Agent". Apache's vhost_combined has host and port before it; nginx's main has "X-Forwarded-For" behind it; others add
 * the time that the request took, and more. Quotes inside a field are escaped by a backslash; the last quote may be missing
 * (a line that was cut).
 */
const FIELD = String.raw`"((?:[^"\\]|\\.)*)"`;
const LINE = new RegExp(
  String.raw`^(?:\S+:\d+ )?(\S+) \S+ [^[]{1,200}? \[([^\]]+)\] ${FIELD} (\d{3}) (\d+|-)` +
    String.raw`(?: ${FIELD}(?: "((?:[^"\\]|\\.)*)(?:"(?: ${FIELD})?(?: .*)?)?)?)?\s*$`,
);
const TIME = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
/** Some editors and Windows tools put it before the first line. */
const BYTE_ORDER_MARK = /^\uFEFF/;
/** UTF-16 units, as the server keeps them of a header (USER_AGENT_MAX). */
const USER_AGENT_MAX = 512;

const libraries = JSON.parse(readFileSync(join(ROOT, 'src', 'collect', 'http-libraries.json'), 'utf8'));
const LIBRARY_FIRST = new RegExp(`^(?:${libraries.first.join('|')})`, 'i');
const LIBRARY_BEHIND = new RegExp([...libraries.behind, ...libraries.inBrowsersClothes].join('|'), 'i');
/** What tells a device; then its class is left to the server. */
const DEVICE = /Mozilla|Android|iPhone|iPad|x86_64|arm64|Mac/;
/** Networks that proxies and containers are in (ipaddr.js). */
const PRIVATE = new Set(['private', 'loopback', 'linkLocal', 'uniqueLocal', 'carrierGradeNat']);

/** Turns lines into page views whose ids are made of the line, so that a second run sends the same events. */
export class AccessLog {
  #seen = new Map();
  #all;

  /** @param options all: every request is a page view, not only a page that was shown */
  constructor({ all = false } = {}) {
    this.#all = all;
  }

  /** @returns `event` of a line; `skipped` where it is no page view; neither where the line cannot be read */
  read(text) {
    const line = text.replace(BYTE_ORDER_MARK, '');
    const match = LINE.exec(line);
    const timestamp = match && rfc3339(match[2]);
    if (!timestamp) return {};
    const [, peer, , request, status, bytes, referrer = '-', agent = '-', forwardedFor] = match;
    const [method, url = '-'] = request.split(' ');
    // Every line is numbered, also those left out: --all gives the same ids to the same lines.
    const eventId = this.#id(line);
    if (!this.#all && !isPageView(method, url, Number(status))) return { skipped: true };
    const address = visitorAddress(peer, forwardedFor);
    const userAgent = beginning(agent);
    const event = {
      event: 'page_view',
      eventId,
      timestamp,
      anonymousId: hash(`${address}\n${agent}`),
      // As the log has it, also "-" for none: left out, the User-Agent of this program would stand in.
      userAgent,
      // Whatever the platform of the app is: what is in the log of a web server visited a web site.
      ...(isHttpLibrary(userAgent) ? { device: 'bot' } : {}),
      ...(isIP(address) ? { ipAddress: address } : {}),
      ...(url === '-' ? {} : { url }),
      ...(referrer === '-' || referrer === '' ? {} : { referrer }),
      metadata: { method, status: Number(status), ...(bytes === '-' ? {} : { bytes: Number(bytes) }) },
    };
    return { event };
  }

  /** Hash of the line and of how often it came before: the same request twice in a second is two page views. */
  #id(line) {
    const key = hash(line);
    const nth = (this.#seen.get(key) ?? 0) + 1;
    this.#seen.set(key, nth);
    return hash(`${line}\n${nth}`);
  }
}

/**
 * Behind a proxy the log has the proxy's own address, and the visitor's in X-Forwarded-For. That header is believed only
 * where the peer is on a private network: anybody else may have made it up.
 */
function visitorAddress(peer, forwardedFor = '-') {
  if (!isIP(peer) || !PRIVATE.has(ipaddr.process(peer).range())) return peer;
  const last = forwardedFor.split(',').at(-1).trim();
  return isIP(last) ? last : peer;
}

function isHttpLibrary(userAgent) {
  return LIBRARY_FIRST.test(userAgent) || (LIBRARY_BEHIND.test(userAgent) && !DEVICE.test(userAgent));
}

/** As collect cuts a header. A letter cut in half would be refused. */
function beginning(userAgent) {
  return userAgent.slice(0, USER_AGENT_MAX).toWellFormed();
}

function rfc3339(text) {
  const [, day, month, year, time, hours, minutes] = TIME.exec(text) ?? [];
  const index = MONTHS.indexOf(month);
  if (index < 0) return undefined;
  return `${year}-${String(index + 1).padStart(2, '0')}-${day}T${time}${hours}:${minutes}`;
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
