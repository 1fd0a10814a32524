import { domainToASCII, domainToUnicode } from 'node:url';
import { remembered } from './bounded-cache.js';

/** Of a domain name, in ASCII (RFC 1035). */
const NAME_MAX = 253;
/** A name of {@link NAME_MAX} characters in which every one is an escape of UTF-8 is not longer. */
const WRITTEN_MAX = 1000;

const readable = remembered(2000, readHost);

/**
 * A host as people read it: lower case, punycode decoded, without user, port 80 and 443, and the dot at the end. Any other port
 * stays.
 *
 * @param authority what stands between `//` and the path
 * @returns '' for what is no host
 */
export function hostOf(authority: string): string {
  return authority.length > WRITTEN_MAX ? '' : readable(authority);
}

/** A host without `www.`, by which hosts are compared. */
export function withoutWww(host: string): string {
  return host.startsWith('www.') && host.includes('.', 4) ? host.slice(4) : host;
}

/** A host without its port. */
export function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

function readHost(authority: string): string {
  const written = authority.slice(authority.lastIndexOf('@') + 1);
  const [, name, port = ''] = /^(\[[^[\]]*\]|[^:]*)(?::(\d*))?$/.exec(written) ?? [];
  const number = Number(port);
  if (!name || number > 65_535) return '';
  const ascii = withoutFinalDots(domainToASCII(name));
  if (ascii === '' || ascii.length > NAME_MAX) return '';
  const isUsual = port === '' || number === 80 || number === 443;
  return (domainToUnicode(ascii) || ascii) + (isUsual ? '' : `:${number}`);
}

function withoutFinalDots(name: string): string {
  let end = name.length;
  while (name[end - 1] === '.') end -= 1;
  return name.slice(0, end);
}
