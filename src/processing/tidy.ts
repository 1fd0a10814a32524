import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';

const EVERY_MS = 60 * 60_000;
const AT_ONCE = 10_000;

/**
 * Rows that have done their work. A claim's row may go once its list is long gone: were the list to come back, its events
 * would be told as duplicates by their ids. The ledger is kept for a month, so that receipts can say when.
 */
const SPENT: readonly string[] = [
  `DELETE FROM ingest_claims WHERE created_at < UTC_TIMESTAMP(3) - INTERVAL 7 DAY LIMIT ${AT_ONCE}`,
  `DELETE FROM ingest_batches WHERE committed_at < UTC_TIMESTAMP(3) - INTERVAL 31 DAY LIMIT ${AT_ONCE}`,
];

/** Deletes every hour, in small pieces, what processing itself has left behind. */
@Injectable()
export class Tidy implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'tidy',
      intervalMs: EVERY_MS,
      run: (signal) => this.tidy(signal),
      logger,
      failure: 'Could not delete spent rows; trying again in an hour',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async tidy(signal: AbortSignal): Promise<void> {
    for (const sql of SPENT) {
      let deleted: { affectedRows: number };
      do deleted = await this.dataSource.query(sql);
      while (deleted.affectedRows === AT_ONCE && !signal.aborted);
    }
  }
}
