import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiSecurity } from '@nestjs/swagger';
import { AccountLimitGuard } from '../account-limits/account-limit.guard.js';
import { KeyDemanded, KeyGuard } from './key.guard.js';
import { ReaderGuard } from './reader.guard.js';

/** A route for API keys. Without a scope, any key will do. {@link countsFor} says whose limits a request counts against. */
export function KeyRoute(scope?: 'write' | 'read'): MethodDecorator {
  return applyDecorators(KeyDemanded({ scope }), UseGuards(KeyGuard, AccountLimitGuard), ApiSecurity('analyticsToken'));
}

/** A route for signed-in people and for API keys with `read`, or with any scope. Limits are those of {@link KeyRoute}. */
export function ReaderRoute(scope: 'read' | 'any' = 'read'): MethodDecorator {
  return applyDecorators(
    KeyDemanded({ scope: scope === 'any' ? undefined : scope }),
    UseGuards(ReaderGuard, AccountLimitGuard),
    ApiBearerAuth('userToken'),
    ApiSecurity('analyticsToken'),
  );
}
