import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';
import { BacklogReader } from './backlog.js';

/** How often it looks, unless the age at which a worker counts as gone is shorter. */
const LOOK_EVERY_MS = 5000;
const SAY_AGAIN_AFTER_MS = 10 * 60_000;

/**
 * Says in the log of an API process that events wait and no worker lives: who starts the processes by hand forgets one
 * easily, and everything else looks well. `/ready` and `tallystone_worker_seen_age_seconds` tell machines the same.
 */
@Injectable()
export class WorkerWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  private saidAt?: number;

  constructor(
    private readonly backlog: BacklogReader,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'worker-watch',
      intervalMs: Math.min(LOOK_EVERY_MS, env.readyWorkerMaxAgeMs / 2),
      run: () => this.look(),
      logger,
      failure: 'Could not look for workers',
      failureLevel: 'debug',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async look(): Promise<void> {
    const { events, oldestReceivedAt, workerSeenAt } = await this.backlog.read();
    const now = Date.now();
    const overdue = (since: number | undefined) => since === undefined || now - since > this.env.readyWorkerMaxAgeMs;
    if (!overdue(workerSeenAt)) {
      if (this.saidAt !== undefined) this.logger.info('A worker is running again');
      this.saidAt = undefined;
      return;
    }
    // On a first start events may come a moment before the worker does.
    if (events === 0 || !overdue(oldestReceivedAt)) return;
    if (this.saidAt !== undefined && now - this.saidAt < SAY_AGAIN_AFTER_MS) return;
    this.saidAt = now;
    this.logger.warn(
      { waiting: events },
      'Events arrive and no worker runs: they are safe in Redis, but not counted. Start one: npm run start:worker',
    );
  }
}
