import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * The one spelling of an address that all its spellings come to: IPv4 inside IPv6 as IPv4, IPv6 as RFC 5952 writes it, without
 * the zone, which names a network interface of the machine that wrote it.
 * @returns undefined where the text is no address
 */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  // Most are IPv4, of which isIP takes one spelling alone.
  return family === 4 ? text : ipaddr.fromByteArray(ipaddr.process(text).toByteArray()).toString();
}

/**
 * An address as proxies write it: quoted or not, with a port (`203.0.113.9:1111`, `[2001:db8::1]:443`) or without.
 * @returns its canonical spelling; undefined for what is none, such as `unknown` and `_hidden`
 */
export function addressOfHop(text: string): string | undefined {
  const bare = text.trim().replace(/^"(.*)"$/, '$1');
  const bracketed = /^\[([^\]]*)\](?::\w+)?$/.exec(bare)?.[1];
  return canonicalAddress(bracketed ?? bare) ?? canonicalAddress(bare.replace(/:\w+$/, ''));
}

/** The `for` values of a Forwarded header (RFC 7239), in its order; an element without one is an empty text. */
export function forwardedFor(header: string): string[] {
  // A comma or semicolon inside quotes separates nothing.
  const elements = header.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+|"/g) ?? [];
  return elements.map((element) => /(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)/i.exec(element)?.[1] ?? '');
}
