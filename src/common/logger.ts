import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import type { Env } from '../config/env.js';
import { loggedError } from './logged-error.js';

export type { Logger } from 'pino';

/**
 * JSON lines on stdout. Nobody logs a token, cookie, e-mail or full address; what slips into an object under one of these
 * names is struck out all the same.
 */
export function createLogger(
  env: Pick<Env, 'logLevel'>,
  process: 'api' | 'worker' | 'engine' | 'dead-letters',
): Logger {
  return pino({
    level: env.logLevel,
    base: { process },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: loggedError },
    formatters: { level: (label) => ({ level: label }) },
    redact: [
      'authorization',
      'cookie',
      'apiKey',
      'accessToken',
      'refreshToken',
      'email',
      '*.authorization',
      '*.cookie',
    ].flatMap((path) => [path, `err.${path}`]),
  });
}

/** Nest's own messages through pino. Nest's start-up chatter goes to debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    const stack = rest.find((item) => typeof item === 'string' && item.includes('\n'));
    this.logger.error({ context: rest.at(-1) === stack ? undefined : rest.at(-1), stack }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }
}
