import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { AccountLimitGuard } from '../account-limits/account-limit.guard.js';
import { UserGuard } from './user.guard.js';

/** A route (or a whole controller) for signed-in people, within the limits of their account. */
export function UserRoute(): MethodDecorator & ClassDecorator {
  return applyDecorators(UseGuards(UserGuard, AccountLimitGuard), ApiBearerAuth('userToken'));
}
