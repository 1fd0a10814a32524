import type { EnvReader } from './env-reader.js';

/** The name of each limit in RATE_LIMITS, and its default. docs/limits.md explains them. */
const DEFAULTS = {
  /** Events a second. One worker stores 10,000 a second, so that is what an account may send. */
  key: 10_000,
  account: 10_000,
  address: 5000,
  /** Bytes of collect bodies a second, inflated: 839 for each event of the limits above. At least one body of 1 MiB. */
  key_bytes: 8 * 1024 * 1024,
  account_bytes: 8 * 1024 * 1024,
  address_bytes: 4 * 1024 * 1024,
  /** Sign-ins a minute for each address. */
  signin: 30,
  /** Bodies a second for each address and process, from senders without a good key or sign-in. */
  bodies: 20,
  /** Refused API keys a minute for each address and process, before refusals are slowed down. */
  refused_keys: 300,
  /** Requests a second for each address and process without a good key or sign-in; five seconds' worth may come at once. */
  anonymous: 200,
  /** Connections of an address to a process at a time. Proxies in TRUSTED_PROXIES may have more. */
  connections: 1000,
  /** Requests a minute for each account: GET, everything else, and new keys in place of old ones. */
  reads: 600,
  changes: 120,
  regenerate: 10,
};
type LimitName = keyof typeof DEFAULTS;

/** The limits of RATE_LIMITS. */
export type RateLimits = Readonly<Record<LimitName, number>>;

/** Reads `key=10000,account=10000,…`; a limit that is left out keeps its default. */
export function readRateLimits(reader: EnvReader): RateLimits {
  const limits = { ...DEFAULTS };
  for (const entry of reader.list('RATE_LIMITS') ?? []) {
    const [, name, number] = /^([a-z_]+)=([1-9]\d{0,8})$/.exec(entry) ?? [];
    if (name !== undefined && Object.hasOwn(DEFAULTS, name)) limits[name as LimitName] = Number(number);
    else reader.fault('RATE_LIMITS', `must look like key=10000,reads=600; its names are ${NAMES}`);
  }
  return Object.freeze(limits);
}

const NAMES = Object.keys(DEFAULTS).join(', ');
