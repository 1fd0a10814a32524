import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, countsFor } from '../common/caller.js';

/** Who asks a question. */
export interface Asker {
  caller: Caller;
  /** What the question counts for, see {@link countsFor}. */
  account: string;
  /** Aborted when the connection closes: nobody reads the answer then. */
  gone: AbortSignal;
}

/** Who asks, for routes whose answer comes from {@link Questions}; only behind a guard that sets the caller. */
export const CurrentAsker = createParamDecorator((_data: unknown, context: ExecutionContext): Asker => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const { raw } = context.switchToHttp().getResponse<FastifyReply>();
  const { caller } = request;
  if (!caller) throw new Error('A route reads its caller without a guard');
  const gone = new AbortController();
  const leave = () => gone.abort(new Error('The client closed the connection'));
  // It may have closed while the caller was looked up: then nothing says so any more.
  if (request.raw.socket.destroyed) leave();
  else raw.once('close', leave);
  return { caller, account: countsFor(caller), gone: gone.signal };
});
