import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * The one spelling that stands for all spellings of an address: IPv4-mapped IPv6 as IPv4, other IPv6 as RFC 5952 writes it.
 * A zone (`%eth0`) is dropped, since it names a network interface of the machine that wrote it: `fe80::1%eth0` and `fe80::1`
 * are one address.
 * @returns undefined where the text is not an address
 */
export function canonicalAddress(text: string): string | undefined {
  // Most are IPv4, of which isIP accepts a single spelling.
  if (isIP(text) === 4) return text;
  const address = plainIpv6(text);
  if (isIP(address) !== 6) return undefined;
  return ipaddr.fromByteArray(ipaddr.process(address).toByteArray()).toString();
}

/**
 * An IPv6 address without its zone, and with hexadecimal digits in place of an IPv4 ending. ipaddr.js needs both: it throws on a
 * zone such as `%br-lan` or `%eth0.100`, and takes `::203.0.113.9` for `203.0.113.9`. Any other text is returned as it is.
 */
export function plainIpv6(text: string): string {
  const address = text.replace(/%.+$/s, '');
  if (isIP(address) !== 6) return text;
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_ending, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}

/**
 * An address as proxies write it: quoted or not, with a port (`203.0.113.9:1111`, `[2001:db8::1]:443`) or without.
 * @returns its canonical spelling; undefined for anything else, such as `unknown` and `_hidden`
 */
export function addressOfHop(text: string): string | undefined {
  const bare = unquoted(text.trim());
  const bracketed = /^\[([^\]]*)\](?::[\w.-]+)?$/.exec(bare)?.[1];
  return canonicalAddress(bracketed ?? bare) ?? canonicalAddress(bare.replace(/:[\w.-]+$/, ''));
}

/** The `for` values of a Forwarded header (RFC 7239), in its order; an element without one gives an empty text. */
export function forwardedFor(header: string): string[] {
  const elements = splitOutsideQuotes(header, ',').filter((element) => element.trim() !== '');
  return elements.map((element) => {
    const values = splitOutsideQuotes(element, ';').map((pair) => /^for\s*=(.*)$/is.exec(pair.trim())?.[1]);
    return values.find((value) => value !== undefined)?.trim() ?? '';
  });
}

/** The content of a quoted string, where `\:` stands for `:`; any other text as it is. */
function unquoted(text: string): string {
  const content = /^"(.*)"$/s.exec(text)?.[1];
  return content === undefined ? text : content.replace(/\\(.)/gs, '$1');
}

/** In one pass: an expression would need quadratic time for a header made of `\"`. A quote without an end lasts to the end. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    if (quoted && text[i] === '\\') i += 1;
    else if (text[i] === '"') quoted = !quoted;
    else if (text[i] === separator && !quoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
