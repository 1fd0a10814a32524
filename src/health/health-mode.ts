/** What /ready answers while degraded: `lenient` 200 (unless asked with ?strict), `strict` always 503. */
export type HealthMode = 'lenient' | 'strict';
export const HEALTH_MODE = Symbol('HEALTH_MODE');
