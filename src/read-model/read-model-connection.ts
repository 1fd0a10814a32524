import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { withNamedLock } from '../database/named-lock.js';
import { ReadModelMetrics } from './read-model-metrics.js';
import { OutdatedDerivation } from './outdated-derivation.js';
import { RestoredBackup } from './restored-backup.js';
import { ReadModelStore } from './read-model-store.js';
import { ForeignReadModelError, migrateReadModel, NewerReadModelError } from './schema/schema.js';

const EVERY_MS = 1000;
const LOCK_WAIT_S = 5;
const INSTALLATION = 'SELECT LOWER(HEX(id)) AS id FROM installation';
const ENABLE = `UPDATE read_model
SET enabled = 1, complete_at = NULL, filled_app = NULL, filled_id = NULL, filled = 0 WHERE id = 1 AND enabled = 0`;

/**
 * Whether the read model can be used by this worker: ClickHouse answers, its tables fit this code, it belongs to this
 * installation. The first worker that finds it so makes every commit from then on leave a row in the outbox.
 */
@Injectable()
export class ReadModelConnection implements OnApplicationBootstrap, OnApplicationShutdown {
  private prepared = false;
  private told = '';
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly store: ReadModelStore,
    private readonly restored: RestoredBackup,
    private readonly derivation: OutdatedDerivation,
    private readonly metrics: ReadModelMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'read-model-connection',
      intervalMs: EVERY_MS,
      run: () => this.check(),
      logger,
    });
  }

  onApplicationBootstrap(): void {
    void this.task.runNow();
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
    await this.store.close();
  }

  /** Asks ClickHouse now. */
  async isReachable(): Promise<boolean> {
    if (!this.prepared) return false;
    return (await this.store.client.ping()).success;
  }

  private async check(): Promise<void> {
    const { success } = await this.store.client.ping();
    if (success && !this.prepared) await this.prepare();
    this.metrics.reachable.set(success && this.prepared ? 1 : 0);
    if (!success) this.tell('ClickHouse does not answer: events are copied once it does');
  }

  private async prepare(): Promise<void> {
    try {
      await withNamedLock(this.dataSource, 'read-model-schema', LOCK_WAIT_S, async (runner) => {
        const [installation]: { id: string }[] = await runner.query(INSTALLATION);
        const done = await migrateReadModel(this.store, installation!.id);
        if (done.length > 0) this.logger.info({ migrations: done }, 'The tables of the read model were made');
        await runner.query(ENABLE);
        await this.noticeRestore();
        if (await this.derivation.check()) this.tell('Derived columns changed: the read model is filled anew');
        this.prepared = true;
      });
      if (this.prepared) this.tell('The read model is ready');
    } catch (error) {
      if (!(error instanceof ForeignReadModelError) && !(error instanceof NewerReadModelError)) throw error;
      this.tell(error.message);
    }
  }

  private async noticeRestore(): Promise<void> {
    const batches = await this.restored.check();
    if (batches === 0) return;
    this.logger.warn(
      { batches, notice: true },
      'ClickHouse has events that MySQL does not know, as after a restored backup: the read model is filled anew',
    );
  }

  /** Logs what is not what was logged last. */
  private tell(message: string): void {
    if (message === this.told) return;
    this.told = message;
    this.logger.info({ notice: true }, message);
  }
}
