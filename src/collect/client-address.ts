import ipaddr from 'ipaddr.js';
import type { IpMode } from '../events/ip-mode.js';

/**
 * The address that is stored. One in the payload is kept whole, one of the connection as the app's `ipMode` says
 * (truncated: /24 of IPv4, /48 of IPv6); `none` keeps neither.
 */
export function storedAddress(given: string | undefined, connection: string, mode: IpMode): string | undefined {
  if (mode === 'none') return undefined;
  if (given !== undefined) return given;
  const address = ipaddr.isValid(connection) ? ipaddr.process(connection) : undefined;
  if (!address) return undefined;
  // By its bytes: the text may carry the name of this machine's network interface.
  const bytes = address.toByteArray();
  const kept = mode === 'full' ? bytes.length : address.kind() === 'ipv4' ? 3 : 6;
  return ipaddr.fromByteArray(bytes.fill(0, kept)).toString();
}
