import { domainToASCII } from 'node:url';
import { isEmail } from 'class-validator';

const ADDRESS_MAX = 320;
/**
 * Whether a text is exactly one e-mail address: no list, no display name, no quoted name, no white space, control or
 * invisible characters. Letters of any script may be in it. At most 320 characters.
 */
export function isOneAddress(text: string): boolean {
  if (text.length > ADDRESS_MAX || /[\p{C}\p{Z}]/u.test(text)) return false;
  return isEmail(text, { require_tld: false, blacklisted_chars: '"' });
}

/**
 * A domain as DNS compares it: in ASCII letters (Punycode) and lower case. Both `Bücher.example` and
 * `xn--bcher-kva.example` become the latter.
 * @returns undefined for what is no domain
 */
export function canonicalDomain(domain: string): string | undefined {
  if (!/^[^\s@/:?#%\p{C}]{1,253}$/u.test(domain)) return undefined;
  return domainToASCII(domain) || undefined;
}

/**
 * An address as two are compared: ASCII letters in lower case, the domain as DNS compares it. Other letters of the name
 * stay: folding them could make two people one, as in K (the sign for kelvin) and k.
 * @param address exactly one
 */
export function canonicalAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  const name = address.slice(0, at).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return `${name}@${canonicalDomain(domain) ?? domain}`;
}
