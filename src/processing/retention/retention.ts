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
import { SealingRepository } from '../sealing/sealing.repository.js';
import { whileNobodySeals } from '../sealing/while-nobody-seals.js';
import { ReadModelExpiry } from './read-model-expiry.js';
import { dropExpiredPartitions } from './expired-partitions.js';
import {
  deleteExpired,
  dropExpiredCounts,
  dropExpiredPeople,
  forgetExpiredDetails,
  type Transact,
} from './expired-rows.js';

const APPS = `SELECT id, owner_id AS ownerId, retention_days AS days, retention_rollups AS rollups FROM apps
WHERE retention_days IS NOT NULL AND deleted_at IS NULL ORDER BY id`;
/** Waits for the chunks under way, which hold the row shared; every later one reads it. */
const FENCE = `UPDATE apps SET deleted_before = ?
WHERE id = ? AND (deleted_before IS NULL OR deleted_before < ?)`;

interface AppRow {
  id: Buffer;
  ownerId: Buffer;
  days: number;
  rollups: 'keep' | 'drop';
}

/**
 * Lets events expire: first the fence, so that nothing older is stored from then on; then whole months where no app keeps
 * any of them; then the rest row by row; then, where the owner chose so, the counts; then the read model's rows. One worker
 * at a time.
 */
@Injectable()
export class Retention implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly sealing: SealingRepository,
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
    const months = await this.dropPartitions(runner);
    if (months.length > 0) this.logger.info({ partitions: months }, 'Dropped months that no app keeps');
    // On the session that holds the lock, so that it is never idle long enough to be ended.
    const transact = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> => {
      signal.throwIfAborted();
      return retried(() => runner.manager.transaction(work));
    };
    for (const app of apps) {
      const deleted = await deleteExpired(transact, app.id, boundOf(app), now);
      if (app.rollups === 'drop') await this.dropCounts(runner, transact, app, boundOf(app), signal);
      else await forgetExpiredDetails(transact, app.id, boundOf(app));
      if (deleted > 0) this.logger.info({ app: app.id.toString('hex'), deleted }, 'Deleted expired events');
    }
  }

  /** Somebody who reads the table for long keeps it locked: then rows go one by one, and the months another time. */
  private async dropPartitions(runner: QueryRunner): Promise<string[]> {
    try {
      return await dropExpiredPartitions(runner);
    } catch (error) {
      if (!isBusy(error)) throw error;
      this.logger.info('Months that no app keeps cannot be dropped while somebody reads them; it is tried again');
      return [];
    }
  }

  private async dropCounts(
    runner: QueryRunner,
    transact: Transact,
    app: AppRow,
    before: number,
    signal: AbortSignal,
  ): Promise<void> {
    const from = await dropExpiredCounts(transact, app.id, before);
    const alone: Transact = async (work) => {
      signal.throwIfAborted();
      // This is done on another session; the one that holds the lock must not fall silent.
      await runner.query('DO 0');
      return whileNobodySeals(this.dataSource, work);
    };
    await dropExpiredPeople(alone, this.sealing, { appId: app.id, ownerId: app.ownerId }, from);
  }
}
