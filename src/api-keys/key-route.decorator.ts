import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiSecurity } from '@nestjs/swagger';
import { KeyDemanded, KeyGuard } from './key.guard.js';
import { ReaderGuard } from './reader.guard.js';

/** A route for API keys; without a scope any key will do. */
export function KeyRoute(scope?: 'write' | 'read', options: { inBody?: boolean } = {}): MethodDecorator {
  return applyDecorators(KeyDemanded({ scope, ...options }), UseGuards(KeyGuard), ApiSecurity('analyticsToken'));
}

/** A route for signed-in people and for API keys with `read`, or with any scope. */
export function ReaderRoute(scope: 'read' | 'any' = 'read'): MethodDecorator {
  return applyDecorators(
    KeyDemanded({ scope: scope === 'any' ? undefined : scope }),
    UseGuards(ReaderGuard),
    ApiBearerAuth('userToken'),
    ApiSecurity('analyticsToken'),
  );
}
