import { applyDecorators, type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { InjectRepository } from '@nestjs/typeorm';
import type { FastifyRequest } from 'fastify';
import type { Repository } from 'typeorm';
import { AccountLimitGuard } from '../account-limits/account-limit.guard.js';
import { UserGuard } from './user.guard.js';
import { ForbiddenError, NotFoundError } from '../common/app-error.js';
import type { ProviderAccount } from '../config/allow-list.js';
import { Env } from '../config/env.js';
import { User } from '../database/entities/index.js';
import { CONTROL } from '../database/pools.js';

/**
 * Runs after the user guard and lets in whom OPERATORS names.
 * @throws ForbiddenError not_operator
 */
@Injectable()
export class OperatorGuard implements CanActivate {
  constructor(
    @InjectRepository(User, CONTROL) private readonly users: Repository<User>,
    private readonly env: Env,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
    if (caller?.kind !== 'user') throw new Error('The operator guard needs the user guard before it');
    const user = await this.users.findOneBy({ id: caller.userId });
    if (!user) throw accountGone();
    if (isOperator(this.env, user)) return true;
    throw new ForbiddenError(
      'not_operator',
      'Only operators see the installation: whoever runs it can name you in OPERATORS.',
    );
  }
}

/** Whether OPERATORS names the account. Where it is not set, everybody is an operator under local sign-in and nobody else. */
export function isOperator(
  { operators, localSignIn }: Pick<Env, 'operators' | 'localSignIn'>,
  account: ProviderAccount,
) {
  return operators ? operators.allows(account) : localSignIn;
}

/** The account of a token was deleted meanwhile. */
export function accountGone(): NotFoundError {
  return new NotFoundError('This account is gone.');
}

/** A route (or a whole controller) for operators. */
export function OperatorRoute(): MethodDecorator & ClassDecorator {
  return applyDecorators(UseGuards(UserGuard, AccountLimitGuard, OperatorGuard), ApiBearerAuth('userToken'));
}
