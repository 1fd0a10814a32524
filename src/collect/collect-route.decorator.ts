import { applyDecorators, UseGuards } from '@nestjs/common';
import { KeyRoute } from '../api-keys/key-route.decorator.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/** A route that takes events: a key with `write`, within its limits. */
export function CollectRoute(): MethodDecorator {
  return applyDecorators(KeyRoute('write', { inBody: true }), UseGuards(RateLimitGuard));
}
