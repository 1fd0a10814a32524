import { Inject, Injectable, Optional, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { DAY_MS } from '../../events/limits.js';
import { sqlTime } from '../repositories/bulk.js';
import { withNamedLock } from '../../database/named-lock.js';
import { retried } from '../../database/retried.js';
import { isBusy } from '../../common/busy-error.js';
import { ArchiveRepository } from '../../read-model/archive/archive.repository.js';
import { ReadModelExpiry } from './read-model-expiry.js';
import { dropExpiredPartitions } from './expired-partitions.js';
import {
  deleteExpired,
  dropExpiredCounts,
  dropExpiredPeople,
  forgetExpiredDetails,
  type Transact,
} from './expired-rows.js';

const APPS = `SELECT id, retention_days AS days, retention_rollups AS rollups FROM apps
WHERE retention_days IS NOT NULL AND deleted_at IS NULL ORDER BY id`;
/** Waits for the chunks under way, which hold the row shared; every later one reads it. */
const FENCE = `UPDATE apps SET deleted_before = ?
WHERE id = ? AND (deleted_before IS NULL OR deleted_before < ?)`;

interface AppRow {
  id: Buffer;
  days: number;
  rollups: 'keep' | 'drop';
}

/**
 * Lets events expire: first the fence, so that nothing older is stored from then on; then whole months where no app keeps
 * any of them; then the rest row by row, each after its distinct users are archived; then, where the owner chose so, the counts; then the read model's rows. One worker
 * at a time.
 */
@Injectable()
export class Retention implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly archive: ArchiveRepository,
    env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional() private readonly readModel?: ReadModelExpiry,
  ) {
    this.task = new PeriodicTask({
      name: 'retention',
      intervalMs: env.retentionIntervalMs,
      run: (signal) => this.run(signal),
      logger,
      failure: 'Could not delete what has expired; it is tried again',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async run(signal: AbortSignal): Promise<void> {
    await withNamedLock(this.dataSource, 'retention', 0, async (runner) => {
      const now = Date.now();
      await this.expire(runner, now, signal);
      await this.readModel?.expire(now, async () => {
        signal.throwIfAborted();
        await runner.query('DO 0');
      });
    });
  }

  private async expire(runner: QueryRunner, now: number, signal: AbortSignal): Promise<void> {
    const apps: AppRow[] = await runner.query(APPS);
    if (apps.length === 0) return;
    const boundOf = (app: AppRow): number => now - app.days * DAY_MS;
    for (const app of apps) {
      const bound = sqlTime(boundOf(app));
      await retried(() => runner.query(FENCE, [bound, app.id, bound]));
    }
    // On the session that holds the lock, so that it is never idle long enough to be ended.
    const transact = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> => {
      signal.throwIfAborted();
      return retried(() => runner.manager.transaction(work));
    };
    const months = await this.dropPartitions(runner, transact);
    if (months.length > 0) this.logger.info({ partitions: months }, 'Dropped months that no app keeps');
    for (const app of apps) {
      const before = boundOf(app);
      // The day in which the bound lies keeps its counts.
      const usersFrom = app.rollups === 'drop' ? Math.floor(before / DAY_MS) : 0;
      const deleted = await deleteExpired(transact, this.archive, { appId: app.id, before, usersFrom }, now);
      if (app.rollups === 'drop') await dropCounts(transact, app.id, before);
      else await forgetExpiredDetails(transact, app.id, before);
      if (deleted > 0) this.logger.info({ app: app.id.toString('hex'), deleted }, 'Deleted expired events');
    }
  }

  /** Somebody who reads the table for long keeps it locked: then rows go one by one, and the months another time. */
  private async dropPartitions(runner: QueryRunner, transact: Transact): Promise<string[]> {
    try {
      return await dropExpiredPartitions(runner, this.archive, transact);
    } catch (error) {
      if (!isBusy(error)) throw error;
      this.logger.info('Months that no app keeps cannot be dropped while somebody reads them; it is tried again');
      return [];
    }
  }
}

async function dropCounts(transact: Transact, appId: Buffer, before: number): Promise<void> {
  await dropExpiredPeople(transact, appId, await dropExpiredCounts(transact, appId, before));
}
