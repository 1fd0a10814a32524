import ipaddr from 'ipaddr.js';

const IPV6_NETWORK_BYTES = 8;

/**
 * The bytes by which senders are told apart: an IPv4 address whole, of an IPv6 address its /64; else the text itself.
 * @param address in canonical spelling
 */
export function networkOf(address: string): Buffer {
  if (!ipaddr.isValid(address)) return Buffer.from(address);
  const parsed = ipaddr.process(address);
  const bytes = Buffer.from(parsed.toByteArray());
  return parsed.kind() === 'ipv4' ? bytes : bytes.subarray(0, IPV6_NETWORK_BYTES);
}

/** Names a network in the memory of this process; never to be stored or logged. */
export function networkName(address: string): string {
  return networkOf(address).toString('latin1');
}
