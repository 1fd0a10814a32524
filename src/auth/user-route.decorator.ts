import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { UserGuard } from './user.guard.js';

/** A route (or a whole controller) for signed-in people. */
export function UserRoute(): MethodDecorator & ClassDecorator {
  return applyDecorators(UseGuards(UserGuard), ApiBearerAuth('userToken'));
}
