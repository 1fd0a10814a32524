import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ReaderGuard } from '../api-keys/reader.guard.js';
import { AppError } from '../common/app-error.js';
import { AnalyticsScope } from './analytics-scope.js';

/** How often it is asked whether the caller is still let in: an answer ends within a second of what let it begin. */
const ASK_EVERY_MS = 500;

/** Answers that go on for long, while their caller's token, session and app are good. */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly open = new Set<AbortController>();

  constructor(
    private readonly guard: ReaderGuard,
    private readonly scope: AnalyticsScope,
  ) {}

  /**
   * Watches until the request's connection is closed.
   * @param request that a reader's route has let in @param appId as it was asked for
   * @returns aborted, with the refusal, as soon as the same request would be refused, or when the connection is closed
   */
  watch(request: FastifyRequest, appId: string | undefined): AbortSignal {
    const ended = new AbortController();
    this.open.add(ended);
    const timer = setInterval(() => {
      this.ask(request, appId).catch((error: unknown) => {
        // A service that is away says nothing of the token.
        if (error instanceof AppError && error.status < 500) ended.abort(error);
      });
    }, ASK_EVERY_MS);
    const forget = () => {
      clearInterval(timer);
      this.open.delete(ended);
    };
    ended.signal.addEventListener('abort', forget, { once: true });
    request.raw.socket.once('close', () => ended.abort(new Error('The connection was closed')));
    return ended.signal;
  }

  /** Before the server waits for what is under way. */
  onModuleDestroy(): void {
    for (const one of this.open) one.abort(new Error('The server stops'));
  }

  private async ask(request: FastifyRequest, appId: string | undefined): Promise<void> {
    await this.guard.admit(request, 'read');
    await this.scope.of(request.caller!, appId);
  }
}
