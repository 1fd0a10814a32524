import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ReaderGuard } from '../access/reader.guard.js';
import { AppError, NotFoundError } from '../common/app-error.js';
import { countsFor } from '../common/caller.js';
import { assertNotCrossSite } from '../common/cross-site.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { RegistryService } from '../registry/registry.service.js';

/** How often the caller is checked again: a stream ends within a second of the token, session or app that it rests on. */
const ASK_EVERY_MS = 500;
/** Open streams of one process. */
const OPEN_MAX = 500;
/** Open streams of one account, and the share of the free places that it may have once they become few. */
const OPEN_OF_ACCOUNT_MAX = 20;
const FREE_SHARE = 1 / 20;

/** How many streams one account may have open while so many are open in all. At least one, until all are taken. */
export function streamsAllowed(open: number): number {
  return Math.min(OPEN_OF_ACCOUNT_MAX, Math.ceil((OPEN_MAX - open) * FREE_SHARE));
}

/** An answer that goes on for long: an export, or a live view. */
export interface OpenStream {
  /** Aborted, with the refusal, as soon as the same request would be refused, or when the client is gone. */
  readonly ended: AbortSignal;
  /** Call it when the answer is over, however it ended. */
  close(): void;
}

/** Answers that go on for long, while their caller's token, session and app are good. */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  /** Each with the account whose numbers it tells. */
  private readonly open = new Map<AbortController, string>();
  private stopping = false;

  constructor(
    private readonly guard: ReaderGuard,
    private readonly registry: RegistryService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @param request that the route's guard has let in
   * @param appIds 32 hex digits each, of the apps whose events it tells: one that is deleted ends it
   * @throws ForbiddenError when another web site opened it; AppError 429 when too many are open
   */
  watch(request: FastifyRequest, appIds: readonly string[]): OpenStream {
    assertNotCrossSite(request);
    const account = countsFor(request.caller!);
    this.assertRoom(account);
    const ended = new AbortController();
    const { socket } = request.raw;
    const gone = (): void => ended.abort(new Error('Nobody reads any more'));
    const close = (): void => {
      ended.abort(new Error('The answer is over'));
      socket.off('close', gone);
      this.open.delete(ended);
    };
    this.open.set(ended, account);
    // It may have closed while the caller was looked up: then nothing says so any more. HEAD asks for the headers alone;
    // Fastify would read the whole answer to throw it away.
    if (socket.destroyed || this.stopping || request.method === 'HEAD') gone();
    else socket.once('close', gone);
    this.checkAccess(request, appIds, ended);
    return { ended: ended.signal, close };
  }

  /** Before the server waits for what is under way. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const one of this.open.keys()) one.abort(new Error('The server stops'));
  }

  private assertRoom(account: string): void {
    const own = [...this.open.values()].filter((one) => one === account).length;
    if (own < streamsAllowed(this.open.size)) return;
    const detail = 'Too many exports and live views are open. Close one, or try again in a moment.';
    throw new AppError(429, 'too_many_streams', detail, { headers: { 'retry-after': '5' } });
  }

  /** Asks again and again whether the caller is still let in, until the answer is over. */
  private checkAccess(request: FastifyRequest, appIds: readonly string[], ended: AbortController): void {
    if (ended.signal.aborted) return;
    const check = async (): Promise<void> => {
      try {
        await this.guard.admit(request, 'read');
        const isGone = appIds.some((id) => this.registry.app(id)?.deleted);
        if (isGone) throw new NotFoundError('An app whose events were told is deleted.');
      } catch (error) {
        // An error of a service that is away says nothing about the token.
        if (error instanceof AppError && error.status < 500) ended.abort(error);
      }
    };
    const task = new PeriodicTask({ name: 'stream-access', intervalMs: ASK_EVERY_MS, run: check, logger: this.logger });
    ended.signal.addEventListener('abort', () => void task.stop(), { once: true });
    task.start();
  }
}
