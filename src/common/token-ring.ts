import { createHmac, timingSafeEqual } from 'node:crypto';
import type { JwtService, JwtSignOptions } from '@nestjs/jwt';
import type { SecretRing } from '../config/secrets.js';
import { type AboutWhom, UnauthorizedError } from './app-error.js';

/** The kinds of token; each has its own audience and `typ`, so that none is taken for another. */
const KINDS = ['user', 'refresh', 'analytics'] as const;
export type TokenKind = (typeof KINDS)[number];

const ISSUER = 'tallystone';
const ALGORITHM = 'HS256';

type Claims = Record<string, unknown>;

/** Tokens whose signature was found good lately: programs send the same one with every request. */
const REMEMBERED = 5000;

/**
 * Signs and verifies the tokens of one kind. The first secret of the ring signs; each token names its own (`kid`), so
 * that secrets can be rotated. Secrets are KeyObjects: with a text jsonwebtoken takes 37 times as long.
 */
export class TokenRing {
  private readonly verified = new Map<string, Claims>();

  constructor(
    private readonly jwt: JwtService,
    private readonly ring: SecretRing,
    private readonly kind: TokenKind,
  ) {}

  /** The name of the secret that signs now. */
  get kid(): string {
    return this.ring[0].kid;
  }

  /** The names of all secrets that verify. */
  get kids(): string[] {
    return this.ring.map(({ kid }) => kid);
  }

  /**
   * @param claims with `iat` (seconds) the token is the same every time
   * @param kid another secret of the ring than the first
   * @returns undefined when the ring does not hold that secret (any more)
   */
  sign(claims: Claims, options: { expiresInS?: number; kid?: string } = {}): string | undefined {
    const secret = this.ring.find(({ kid }) => kid === (options.kid ?? this.kid));
    if (!secret) return undefined;
    const signOptions = {
      secret: secret.key as unknown as Buffer, // JwtService's type does not know KeyObject; jsonwebtoken does
      keyid: secret.kid,
      algorithm: ALGORITHM,
      issuer: ISSUER,
      audience: audience(this.kind),
      ...(options.expiresInS === undefined ? {} : { expiresIn: options.expiresInS }),
    } satisfies JwtSignOptions;
    return this.jwt.sign({ ...claims, typ: this.kind }, signOptions);
  }

  /** True for a token whose signature was found good lately, whether or not it has expired since. */
  remembers(token: string): boolean {
    return this.verified.has(token);
  }

  /**
   * Whether one of our secrets signed the token, whatever it says. Where a flood of tokens is refused, this takes a fraction of
   * the time of {@link verify}.
   */
  hasSigned(token: string): boolean {
    if (this.verified.has(token)) return true;
    const kid = namedSecret(token);
    const secret = this.ring.find((named) => named.kid === kid);
    const end = token.lastIndexOf('.');
    if (!secret || end < 0) return false;
    const expected = createHmac('sha256', secret.key).update(token.slice(0, end)).digest();
    const given = Buffer.from(token.slice(end + 1), 'base64url');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  /** @throws UnauthorizedError key_malformed, key_expired or wrong_token_kind */
  verify(token: string): Claims {
    const known = this.verified.get(token);
    // A signature stays good; only time can end a token here.
    if (known && (known.exp === undefined || Date.now() / 1000 < (known.exp as number))) return known;
    const claims = this.verifyAnew(token);
    if (this.verified.size >= REMEMBERED) this.verified.delete(this.verified.keys().next().value!);
    this.verified.set(token, Object.freeze(claims));
    return claims;
  }

  private about(token: string): AboutWhom {
    const { jti, sub } = claimsOf(token) ?? {};
    return this.kind === 'analytics' ? { keyId: jti as string } : { accountId: sub as string };
  }

  private verifyAnew(token: string): Claims {
    const kind = tokenKind(token);
    if (kind && kind !== this.kind) {
      throw new UnauthorizedError('wrong_token_kind', WRONG_KIND[this.kind]);
    }
    const kid = namedSecret(token);
    const secret = this.ring.find((named) => named.kid === kid);
    if (!secret) throw malformed();
    try {
      const claims = this.jwt.verify<Claims>(token, {
        secret: secret.key as unknown as Buffer,
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: audience(this.kind),
      });
      if (claims.typ !== this.kind) throw malformed();
      // Only keys may live for ever; a sign-in without an end is none that we made.
      if (this.kind !== 'analytics' && typeof claims.exp !== 'number') throw malformed();
      return claims;
    } catch (error) {
      if ((error as Error).name === 'TokenExpiredError') {
        // The signature was found good before: what the token says of itself is true.
        throw new UnauthorizedError('key_expired', EXPIRED[this.kind], this.about(token));
      }
      throw malformed();
    }
  }
}

/** The claims of a token, which is not verified here. */
function claimsOf(token: string): Claims | undefined {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
  } catch {
    return undefined;
  }
}

/** The kind that a token says it is of; it is not verified here. */
export function tokenKind(token: string): TokenKind | undefined {
  const typ = claimsOf(token)?.typ;
  return KINDS.find((kind) => kind === typ);
}

function audience(kind: TokenKind): string {
  return `tallystone:${kind}`;
}

/** The `kid` in a token's header. */
function namedSecret(token: string): unknown {
  try {
    const header = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as Claims | null;
    return header?.kid;
  } catch {
    return undefined;
  }
}

function malformed(): UnauthorizedError {
  return new UnauthorizedError('key_malformed', 'This is no token of this installation, or not all of it.');
}

const WRONG_KIND: Record<TokenKind, string> = {
  user: 'This needs the token of a signed-in person, not an API key or a refresh token.',
  refresh: 'This needs a refresh token.',
  analytics: 'This needs an API key (analytics token), not the token of a signed-in person.',
};

const EXPIRED: Record<TokenKind, string> = {
  user: 'The sign-in token has expired. Renew it at POST /api/auth/refresh, or sign in again.',
  refresh: 'The sign-in has expired. Sign in again.',
  analytics: 'The API key has expired. Create a new one.',
};
