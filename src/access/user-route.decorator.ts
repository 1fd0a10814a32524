import { applyDecorators, UseGuards, UseInterceptors } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { AccountLimitGuard } from '../account-limits/account-limit.guard.js';
import { AccountTurns } from '../account-limits/account-turns.interceptor.js';
import { CookieGuard } from './cookie.guard.js';
import { UserGuard } from './user.guard.js';

/** A route (or a whole controller) for signed-in people, within the limits of their account. */
export function UserRoute(): MethodDecorator & ClassDecorator {
  return applyDecorators(
    UseGuards(UserGuard, AccountLimitGuard),
    UseInterceptors(AccountTurns),
    ApiBearerAuth('userToken'),
  );
}

/** A route for signed-in people in their browser: it takes the session cookie and no bearer token. */
export function CookieRoute(): MethodDecorator {
  return applyDecorators(UseGuards(UserGuard, CookieGuard, AccountLimitGuard), ApiBearerAuth('userToken'));
}
