import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { clientOf } from '#dist/collect/user-agent.js';
import { addressOfHop, canonicalAddress } from '#dist/common/addresses.js';
import { URL_MAX, USER_AGENT_MAX } from '#dist/events/limits.js';
import { isPageView } from './page-view.mjs';

/**
 * The common and the combined log format of Apache and nginx: address, identity, user, [time], "request", status, bytes, and in
 * combined "referrer", "User-Agent". A host, with or without a port, may stand before it (Apache's vhost_combined); nginx's
 * main has "X-Forwarded-For" behind it; others add the time that the request took, and more. Quotes inside a field are escaped
 * by a backslash; the last quote may be missing (a line that was cut).
 */
const FIELD = String.raw`"((?:[^"\\]|\\.)*)"`;
const LINE = new RegExp(
  String.raw`^(.{1,400}?) \[(\d\d\/\w{3}\/[^\]]+)\] ${FIELD} (\d{3}) (\d+|-)` +
    String.raw`(?: ${FIELD}(?: "((?:[^"\\]|\\.)*)(?:"(?: ${FIELD})?(?: .*)?)?)?| [^"].*)?\s*$`,
);
const TIME = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d)(?:[.,](\d{1,3})\d*)? ([+-]\d\d):?(\d\d)$/;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
/** Some editors and Windows tools put it before the first line of a file. */
const BYTE_ORDER_MARK = /^\uFEFF+/;
/** Of an HTTP method. What is longer is what somebody sent who does not speak HTTP. */
const METHOD_MAX = 32;
/** Networks that proxies and containers are in (ipaddr.js). */
const PRIVATE = new Set(['private', 'loopback', 'linkLocal', 'uniqueLocal', 'carrierGradeNat']);

/** Turns lines into page views whose ids are made of the line, so that a second run sends the same events. */
export class AccessLog {
  /** @type {Map<string, number>} */
  #seen = new Map();
  #all;

  /** @param options all: every request is a page view, not only a page that was shown */
  constructor({ all = false } = {}) {
    this.#all = all;
  }

  /** @param {string} text @returns `event` of a line; `skipped` where it is no page view; neither where the line cannot be read */
  read(text) {
    const line = text.replace(BYTE_ORDER_MARK, '');
    const match = LINE.exec(line);
    const timestamp = match && rfc3339(match[2]);
    // X-Forwarded-For as the first field is quoted in some logs.
    const peer = match && peerOf(match[1].replace(/^"([^"]*)"/, '$1'));
    if (!timestamp || !peer) return {};
    const [, , , request, status, bytes, referrer = '-', agent = '-', forwardedFor] = match;
    const [method, url = '-'] = request.split(' ');
    // Every line is numbered, also those left out: --all gives the same ids to the same lines.
    const eventId = this.#id(line);
    if (!this.#all && !isPageView(method, url, Number(status))) return { skipped: true };
    const address = visitorAddress(peer, forwardedFor);
    const userAgent = beginning(unescaped(agent), USER_AGENT_MAX);
    const event = {
      event: 'page_view',
      eventId,
      timestamp,
      anonymousId: hash(`${address}\n${agent}`),
      // As the log has it, also "-" for none: left out, the User-Agent of this program would stand in.
      userAgent,
      ...deviceOfProgram(userAgent),
      ...(canonicalAddress(address) ? { ipAddress: address } : {}),
      ...(url === '-' ? {} : { url: beginning(unescaped(url), URL_MAX) }),
      ...(referrer === '-' || referrer === '' ? {} : { referrer: beginning(unescaped(referrer), URL_MAX) }),
      metadata: {
        method: beginning(method, METHOD_MAX),
        status: Number(status),
        ...(bytes === '-' ? {} : { bytes: Number(bytes) }),
      },
    };
    return { event };
  }

  /** Hash of the line and of how often it came before: the same request twice in a second is two page views. @param {string} line */
  #id(line) {
    const key = hash(line);
    const nth = (this.#seen.get(key) ?? 0) + 1;
    this.#seen.set(key, nth);
    return hash(`${line}\n${nth}`);
  }
}

/**
 * Who connected, of what stands before the time: perhaps a host, then address, identity and user. A user's name may hold spaces,
 * and the server may have looked up the name of an address. Some logs have X-Forwarded-For in place of the address.
 * @param {string} beforeTime
 * @returns an address in its canonical spelling, or a name; undefined where less than three words stand there
 */
function peerOf(beforeTime) {
  const words = beforeTime.split(' ');
  if (words.length < 3) return undefined;
  const before = words.slice(0, -2);
  const forwarded = forwardedAddress(before);
  if (forwarded) return forwarded;
  const addresses = before.map((word) => addressOfHop(word));
  const first = addresses.findIndex((address) => address !== undefined);
  // A host may be an address too; identity and user never are.
  if (first >= 0) return addresses[first + 1] ?? addresses[first];
  return words.length > 3 && /:\d+$/.test(words[0]) ? words[1] : words[0];
}

/** The visitor's address where the first words, or those behind a host, are the hops of X-Forwarded-For. @param {string[]} words */
function forwardedAddress(words) {
  const start = words.findIndex((word) => word.includes(','));
  // Further behind, a comma is part of a user's name.
  if (start < 0 || start > 1) return undefined;
  const last = words.findIndex((word, i) => i >= start && !word.endsWith(','));
  const hops = words
    .slice(start, last < 0 ? undefined : last + 1)
    .join('')
    .split(',');
  return throughPrivateHops(addressOfHop(hops.pop() ?? ''), hops);
}

/**
 * Behind a proxy the log has the proxy's own address, and the visitor's in X-Forwarded-For. That header is believed as far as
 * the hops are on private networks, as the server believes those in TRUSTED_PROXIES: anybody else may have made it up.
 * @param {string} peer
 */
function visitorAddress(peer, forwardedFor = '-') {
  return throughPrivateHops(peer, unescaped(forwardedFor).split(',')) ?? peer;
}

/**
 * The first address, from the last hop back, that is on no private network; the farthest where all are private.
 * @param {string | undefined} peer
 * @param {string[]} hops
 */
function throughPrivateHops(peer, hops) {
  let address = peer;
  while (hops.length > 0 && isPrivate(address)) {
    const before = addressOfHop(hops.pop() ?? '');
    if (before === undefined) break;
    address = before;
  }
  return address;
}

/** @param {string | undefined} address */
function isPrivate(address) {
  // nginx calls a peer on a socket of the same machine "unix:".
  return (
    address === 'unix:' ||
    (address !== undefined && ipaddr.isValid(address) && PRIVATE.has(ipaddr.parse(address).range()))
  );
}

/** As the client sent it. nginx writes a quote as `\x22` and other bytes likewise, Apache writes `\"` and `\\`. @param {string} field */
function unescaped(field) {
  return field.replace(
    /(?:\\x[\da-f]{2})+|\\(["\\])/gi,
    (/** @type {string} */ escapes, /** @type {string | undefined} */ character) =>
      character === undefined ? Buffer.from(escapes.replaceAll('\\x', ''), 'hex').toString() : character,
  );
}

/**
 * The device of a program that names none: whatever the platform of the app is, what is in the log of a web server visited a
 * web site. For other User-Agents the server finds the device.
 * @param {string} userAgent
 */
function deviceOfProgram(userAgent) {
  const { device } = clientOf(userAgent, 'web');
  const isProgram = device !== clientOf(userAgent, 'server').device || device !== clientOf(userAgent, 'ios').device;
  return isProgram ? { device } : {};
}

/** As much of a text as the server keeps. A character cut in half, or NUL, would be refused. @param {string} text @param {number} max */
function beginning(text, max) {
  return text.replaceAll('\0', '').slice(0, max).toWellFormed();
}

/** @param {string} text */
function rfc3339(text) {
  const [, day, month, year, time, fraction, hours, minutes] = TIME.exec(text) ?? [];
  const index = MONTHS.indexOf(month);
  if (index < 0) return undefined;
  const seconds = fraction ? `${time}.${fraction}` : time;
  return `${year}-${String(index + 1).padStart(2, '0')}-${day}T${seconds}${hours}:${minutes}`;
}

/** @param {string} text */
function hash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
