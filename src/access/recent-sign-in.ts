import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { ForbiddenError } from '../common/app-error.js';
import type { UserCaller } from '../common/caller.js';
import { Env } from '../config/env.js';
import { binary } from '../database/binary.js';

/** By the clock that wrote it: that of this process may be another. */
const IS_RECENT = `SELECT 1 FROM sessions WHERE id = ? AND authenticated_at >= UTC_TIMESTAMP(3) - INTERVAL 10 MINUTE`;

/**
 * Asks for a sign-in within the last 10 minutes before what cannot be undone, or hands out more than a session. A copied
 * token, or a browser left open, cannot do it.
 */
@Injectable()
export class RecentSignIn {
  constructor(
    private readonly dataSource: DataSource,
    private readonly env: Env,
  ) {}

  /** @throws ForbiddenError recent_sign_in_required */
  async assert({ sessionId }: UserCaller): Promise<void> {
    const rows: unknown[] = await this.dataSource.query(IS_RECENT, [binary(sessionId)]);
    if (rows.length > 0) return;
    throw new ForbiddenError(
      'recent_sign_in_required',
      `This needs a sign-in within the last 10 minutes. Sign in again at ${this.env.publicUrl}/api/auth/google?again=true, ` +
        'then repeat the request with the new token.',
    );
  }
}

/** Runs after the user guard. */
@Injectable()
export class RecentSignInGuard implements CanActivate {
  constructor(private readonly recent: RecentSignIn) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
    if (caller?.kind !== 'user') throw new Error('The guard of recent sign-ins needs the user guard before it');
    await this.recent.assert(caller);
    return true;
  }
}

/**
 * A user route that needs a sign-in within the last 10 minutes. Write it above `@UserRoute()`: decorators apply from below,
 * and the user guard has to run first.
 */
export function RecentSignInRoute(): MethodDecorator {
  return UseGuards(RecentSignInGuard);
}
