import type { TokenRing } from '../common/token-ring.js';
import type { ApiKey } from '../database/entities/index.js';

/** What an API key says of itself. Ids are 32 hex digits; times are seconds since 1970 UTC. */
export interface KeyClaims {
  jti: string;
  app: string;
  /** The account that owns the app. */
  acc: string;
  /** Space-separated. */
  scope: string;
  /** Origins it may be used from; absent: anywhere. */
  org?: string[];
  iat: number;
  exp?: number;
}

/**
 * The key of a row. It is made of nothing but the row, its owner and the secret that signed it first, so a write-only key
 * can be shown again without being kept.
 * @returns undefined when that secret was taken away
 */
export function signKey(ring: TokenRing, key: ApiKey, ownerId: string): string | undefined {
  const claims: KeyClaims = {
    jti: key.id,
    app: key.appId,
    acc: ownerId,
    scope: key.scopes.join(' '),
    ...(key.allowedOrigins.length > 0 ? { org: key.allowedOrigins } : {}),
    iat: seconds(key.issuedAt),
    ...(key.expiresAt ? { exp: seconds(key.expiresAt) } : {}),
  };
  return ring.sign({ ...claims }, { kid: key.kid });
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
