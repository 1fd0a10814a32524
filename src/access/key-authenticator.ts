import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { FastifyRequest } from 'fastify';
import { type AboutWhom, ForbiddenError, UnauthorizedError, UnavailableError } from '../common/app-error.js';
import type { KeyCaller } from '../common/caller.js';
import { TokenRing } from '../common/token-ring.js';
import { Env } from '../config/env.js';
import type { AccountBar } from '../registry/account-bar.js';
import { RegistryService } from '../registry/registry.service.js';
import type { KeyClaims } from './key-token.js';
import { KeyUse } from './key-use.service.js';
import { RefusedKeys } from './refused-keys.js';

/** Whose key this is, and whether it is good now: by signature and the registry in memory, never by MySQL. */
@Injectable()
export class KeyAuthenticator {
  private readonly ring: TokenRing;

  constructor(
    private readonly registry: RegistryService,
    private readonly use: KeyUse,
    private readonly refused: RefusedKeys,
    env: Env,
    jwt: JwtService,
  ) {
    this.ring = new TokenRing(jwt, env.keyTokenSecrets!, 'analytics');
  }

  /**
   * @throws UnauthorizedError, ForbiddenError (origin), UnavailableError while revocations are unknown, RateLimitedError
   *   when too many keys from this address were refused
   */
  authenticate(token: string, request: FastifyRequest): KeyCaller {
    if (!this.ring.remembers(token)) this.refused.assertMayTry(request);
    try {
      return this.verified(token, request);
    } catch (error) {
      throw error instanceof UnauthorizedError ? this.refused.note(request, error) : error;
    }
  }

  /** Whose key it is, if it would be let in now. No refusal is counted. */
  callerOf(token: string, request: FastifyRequest): KeyCaller | undefined {
    if (!this.ring.hasSigned(token)) return undefined;
    try {
      return this.verified(token, request);
    } catch {
      return undefined; // What is wrong with it is told where it is asked for.
    }
  }

  /** Whether the key would be let in now. Nothing is counted; while revocations are unknown, a good signature is enough. */
  admits(token: string, request: FastifyRequest): boolean {
    if (!this.ring.hasSigned(token)) return false;
    try {
      this.verified(token, request);
      return true;
    } catch (error) {
      return error instanceof UnavailableError;
    }
  }

  private verified(token: string, request: FastifyRequest): KeyCaller {
    const claims = this.ring.verify(token) as unknown as KeyClaims;
    if (!this.registry.fresh) {
      throw new UnavailableError(
        'revocations_unknown',
        'Whether this key was revoked cannot be told just now. Send it again.',
        5,
      );
    }
    const app = this.registry.app(claims.app);
    const about = { keyId: claims.jti, ...(app ? { accountId: app.ownerId } : {}) };
    if (this.registry.isRevoked(claims.jti, claims.app)) {
      throw new UnauthorizedError('key_revoked', 'This API key was revoked. Use another one.', about);
    }
    if (this.registry.isDeleted(claims.app)) {
      throw new UnauthorizedError('key_revoked', 'The app of this API key was deleted.', about);
    }
    if (!app && this.registry.isMissing(claims.app)) {
      throw new UnauthorizedError('key_revoked', 'The app of this API key is not known here.', about);
    }
    if (app) assertAccount(this.registry.accountBar(app.ownerId), about);
    assertOrigin(claims.org, request.headers.origin, about);
    this.use.note(claims.jti);
    return {
      kind: 'key',
      keyId: claims.jti,
      appId: claims.app,
      // Of an app that was registered a moment ago in another process: it counts as an account of its own until then.
      ownerId: app?.ownerId ?? claims.app,
      scopes: claims.scope.split(' ') as KeyCaller['scopes'],
    };
  }
}

const BARRED: Record<AccountBar, string> = {
  locked: 'The account of this API key is locked. Ask whoever runs this installation.',
  not_allowed: 'The account of this API key may no longer sign in (SIGN_IN_ALLOW). Use a key of another account.',
  local_off: 'This API key was made with local sign-in, which is off. Use a key of an account at Google.',
};

/** @throws UnauthorizedError account_locked, or key_revoked where the account may not sign in */
function assertAccount(bar: AccountBar | undefined, about: AboutWhom): void {
  if (bar) throw new UnauthorizedError(bar === 'locked' ? 'account_locked' : 'key_revoked', BARRED[bar], about);
}

function assertOrigin(allowed: string[] | undefined, origin: string | undefined, about: AboutWhom): void {
  if (!allowed || (origin !== undefined && allowed.includes(origin))) return;
  throw new ForbiddenError('origin_not_allowed', `This API key may be used only from ${allowed.join(', ')}.`, about);
}

/** @throws ForbiddenError naming the scope needed */
export function assertScope(caller: KeyCaller, scope: 'write' | 'read' | undefined): void {
  if (scope === undefined || caller.scopes.includes(scope)) return;
  throw new ForbiddenError(
    'scope_missing',
    `This needs an API key with the scope "${scope}"; yours has "${caller.scopes.join(' ')}".`,
    { keyId: caller.keyId, accountId: caller.ownerId },
  );
}
