import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import { KeyDemanded, KeyGuard } from '../access/key.guard.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/** A route that takes events: a key with `write`, in a header or in the body, within the limits of events and bytes. */
export function CollectRoute(): MethodDecorator {
  return applyDecorators(
    KeyDemanded({ scope: 'write', inBody: true }),
    UseGuards(KeyGuard, RateLimitGuard),
    ApiSecurity('analyticsToken'),
  );
}
