import { applyDecorators, type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AccountLimitGuard } from '../account-limits/account-limit.guard.js';
import { UserGuard } from '../auth/user.guard.js';
import { UserService } from '../auth/user.service.js';
import { ForbiddenError } from '../common/app-error.js';

/**
 * Runs after the user guard and lets in whom OPERATORS names.
 * @throws ForbiddenError not_operator
 */
@Injectable()
export class OperatorGuard implements CanActivate {
  constructor(private readonly users: UserService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
    if (caller?.kind !== 'user') throw new Error('The operator guard needs the user guard before it');
    if (this.users.isOperator(await this.users.get(caller.userId))) return true;
    throw new ForbiddenError(
      'not_operator',
      'Only operators see the installation: whoever runs it can name you in OPERATORS.',
    );
  }
}

/** A route (or a whole controller) for operators. */
export function OperatorRoute(): MethodDecorator & ClassDecorator {
  return applyDecorators(UseGuards(UserGuard, AccountLimitGuard, OperatorGuard), ApiBearerAuth('userToken'));
}
