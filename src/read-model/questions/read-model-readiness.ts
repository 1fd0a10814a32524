import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { CONTROL } from '../../database/pools.js';
import { copyIncomplete, noReadModel } from './read-model-errors.js';

/** How often an API process asks. */
export const READINESS_EVERY_MS = 1000;
const STATE = 'SELECT enabled = 1 AND complete_at IS NOT NULL AS complete, filled FROM read_model WHERE id = 1';

/** Whether the copy in ClickHouse has every committed event, but those in the outbox: then it answers questions. */
@Injectable()
export class ReadModelReadiness implements OnApplicationBootstrap, OnApplicationShutdown {
  private complete = false;
  /** Events that were looked at while the copy is filled. */
  private filled = 0;
  private readonly task?: PeriodicTask;

  constructor(
    @InjectDataSource(CONTROL) private readonly dataSource: DataSource,
    { readModel }: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    if (!readModel) return;
    this.task = new PeriodicTask({
      name: 'read-model-readiness',
      intervalMs: READINESS_EVERY_MS,
      run: () => this.look(),
      logger,
      failureLevel: 'debug',
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.task?.runNow();
    this.task?.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task?.stop();
  }

  /** As MySQL said a second ago, at most. */
  get isComplete(): boolean {
    return this.complete;
  }

  /** @throws ReadModelUnavailableError while the copy is not complete: how far it is */
  assertComplete(): void {
    if (!this.complete) throw this.task ? copyIncomplete(this.filled) : noReadModel();
  }

  private async look(): Promise<void> {
    const [row]: { complete: number | string; filled: string }[] = await this.dataSource.query(STATE);
    const complete = Number(row?.complete) === 1;
    this.filled = Number(row?.filled ?? 0);
    if (complete === this.complete) return;
    this.complete = complete;
    this.logger.info({ complete }, complete ? 'ClickHouse answers questions' : 'MySQL answers questions');
  }
}
