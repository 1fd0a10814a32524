import ipaddr from 'ipaddr.js';

/** What a provider gives to one customer at least, and what larger customers have. */
const IPV6_NETWORK_BITS = 64;
const IPV6_SITE_BITS = 48;

/**
 * The bytes by which senders are told apart: an IPv4 address whole, of an IPv6 address its /64; else the text itself.
 * @param address in canonical spelling
 * @param ipv6Bits in place of 64
 */
export function networkOf(address: string, ipv6Bits = IPV6_NETWORK_BITS): Buffer {
  if (!ipaddr.isValid(address)) return Buffer.from(address);
  const parsed = ipaddr.process(address);
  const bytes = Buffer.from(parsed.toByteArray());
  return parsed.kind() === 'ipv4' ? bytes : bytes.subarray(0, ipv6Bits / 8);
}

/** Names a network in the memory of this process; never to be stored or logged. */
export function networkName(address: string): string {
  return networkOf(address).toString('latin1');
}

/** A network that is limited as a whole, to so many times what an address may have. */
export interface LimitedNetwork {
  name: string;
  times: number;
}

/** What a /48 may have, in limits of one /64: whoever has one has 65,536 of these. */
const SITE_TIMES = 5;

/** The networks of an address that a limit in memory counts, the widest first: its /48, and itself or its /64. */
export function limitedNetworks(address: string): LimitedNetwork[] {
  const [name, site] = [networkName(address), siteName(address)];
  const own = { name, times: 1 };
  return site === name ? [own] : [{ name: site, times: SITE_TIMES }, own];
}

/** Like {@link networkName}, of an IPv6 address by its /48: one customer may have all of its 65,536 networks. */
export function siteName(address: string): string {
  return networkOf(address, IPV6_SITE_BITS).toString('latin1');
}
