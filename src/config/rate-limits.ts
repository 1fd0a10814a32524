import type { EnvReader } from './env-reader.js';

/** Events a second per key and per account, collect events a second per address, sign-ins a minute per address. */
export interface RateLimits {
  readonly key: number;
  readonly account: number;
  readonly address: number;
  readonly signin: number;
}

const DEFAULTS: RateLimits = { key: 10_000, account: 50_000, address: 5_000, signin: 30 };

/** `key=10000,account=50000,address=5000,signin=30`; what is left out keeps its default. */
export function readRateLimits(reader: EnvReader): RateLimits {
  const limits: Record<string, number> = { ...DEFAULTS };
  for (const entry of reader.list('RATE_LIMITS') ?? []) {
    const match = /^(key|account|address|signin)=([1-9]\d{0,8})$/.exec(entry);
    if (match?.[1] && match[2]) limits[match[1]] = Number(match[2]);
    else reader.fault('RATE_LIMITS', 'must look like key=10000,account=50000,address=5000,signin=30');
  }
  return Object.freeze(limits) as unknown as RateLimits;
}
