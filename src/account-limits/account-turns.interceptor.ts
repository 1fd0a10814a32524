import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { InFlight } from '../common/in-flight.js';

/** Changes of one account that run at a time in a process, and that wait. */
const RUNNING = 2;
const WAITING = 30;

/** The changes of each account that run in this process. Nest makes an interceptor for each module: they share this. */
@Injectable()
export class AccountChanges extends InFlight {
  constructor() {
    super(RUNNING, WAITING);
  }
}

/**
 * Lets the changes of one account take turns. A change holds the account's row and a MySQL connection; without turns, the
 * changes of one account that wait for that row would hold every connection of the process.
 */
@Injectable()
export class AccountTurns implements NestInterceptor {
  constructor(private readonly changes: AccountChanges) {}

  /** @throws AppError 429 too_many_at_once */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { caller, method } = context.switchToHttp().getRequest<FastifyRequest>();
    if (caller?.kind !== 'user' || method === 'GET' || method === 'HEAD') return next.handle();
    return defer(() =>
      this.changes.run(caller.userId, () => lastValueFrom(next.handle(), { defaultValue: undefined })),
    );
  }
}
