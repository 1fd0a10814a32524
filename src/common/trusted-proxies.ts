import proxyAddr from '@fastify/proxy-addr';
import type { Env } from '../config/env.js';
import { canonicalAddress, plainIpv6 } from './addresses.js';

/**
 * Tells which peers are in TRUSTED_PROXIES. Zones are dropped on both sides: the system reports a link-local peer as
 * `fe80::1%eth0`.
 */
export function trustedProxies(env: Pick<Env, 'trustedProxies'>): (peer: string | undefined) => boolean {
  const entries = env.trustedProxies.map((entry) => {
    const [address, ...bits] = entry.split('/');
    return [plainIpv6(address!), ...bits].join('/');
  });
  const isTrusted = proxyAddr.compile(entries);
  // A connection that has been closed has no peer.
  return (peer = '') => isTrusted(canonicalAddress(peer) ?? '', 0);
}
