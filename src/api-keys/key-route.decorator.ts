import { applyDecorators } from '@nestjs/common';

/** A route for API keys that hold the scope. */
export function KeyRoute(_scope: 'write' | 'read'): MethodDecorator {
  return applyDecorators();
}
