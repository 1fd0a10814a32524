import type { TokenRing } from '../common/token-ring.js';
import type { ClaimsVersion } from '../database/entities/api-key.entity.js';
import type { ApiKey } from '../database/entities/index.js';

/** What an API key says of itself. Ids are 32 hex digits; times are seconds since 1970 UTC. */
export interface KeyClaims {
  jti: string;
  app: string;
  /** The account that owns the app, in keys of version 1. Nothing relies on it: the app's owner is the account. */
  acc?: string;
  /** Space-separated. */
  scope: string;
  /** Origins it may be used from; absent: anywhere. */
  org?: string[];
  iat: number;
  exp?: number;
}

/** What new keys are signed with. A public key sits in web pages: whose it is, is nobody's business. */
export const NEW_CLAIMS: ClaimsVersion = 2;

/**
 * The key of a row. It is made of nothing but the row, its owner and the secret that signed it first, so a write-only key
 * can be shown again without being kept.
 * @returns undefined when that secret was taken away
 */
export function signKey(ring: TokenRing, key: ApiKey, ownerId: string): string | undefined {
  // jti and app stay in front: the browser script finds the app by its place in the key (tracker/t.ts).
  const claims: KeyClaims = {
    jti: key.id,
    app: key.appId,
    ...(key.claims === 1 ? { acc: ownerId } : {}),
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
