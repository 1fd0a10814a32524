import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { ReadModelConnection } from '../read-model-connection.js';
import { Reconciler } from '../reconciler.js';
import { OutboxRepository } from './outbox.repository.js';

/** When recovered batches are looked at, in times of COPY_TIMEOUT_MS after they were recovered: one minute, and ten. */
const LOOKS_AFTER = [4, 40] as const;
const BATCHES_AT_ONCE = 100;
const EVERY_MS = 10_000;

/**
 * Looks again at batches that were recovered. The insert of the worker that committed them may arrive after all, on a
 * connection that was held up, and nobody is left to notice if that worker has died. Events that were erased or have expired
 * meanwhile would come back by it: so what MySQL does not hold is deleted.
 */
@Injectable()
export class LateCopies implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly outbox: OutboxRepository,
    private readonly reconciler: Reconciler,
    private readonly connection: ReadModelConnection,
    private readonly env: Env,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'late-copies',
      intervalMs: Math.min(EVERY_MS, env.copyTimeoutMs),
      run: (signal) => this.look(signal),
      logger,
      failure: 'Recovered batches could not be looked at again; it is tried again',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async look(signal: AbortSignal): Promise<void> {
    if (!(await this.connection.isReachable())) return;
    for (const [looks, times] of LOOKS_AFTER.entries()) {
      const ageS = (times * this.env.copyTimeoutMs) / 1000;
      for (;;) {
        signal.throwIfAborted();
        const batchIds = await this.outbox.recovered(looks, ageS, BATCHES_AT_ONCE);
        if (batchIds.length === 0) break;
        await this.reconciler.deleteSurplus(batchIds);
        await this.outbox.noteLooked(batchIds, looks === LOOKS_AFTER.length - 1);
      }
    }
  }
}
