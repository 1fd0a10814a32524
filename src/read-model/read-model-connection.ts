import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { withNamedLock } from '../database/named-lock.js';
import { ReadModelMetrics } from './read-model-metrics.js';
import { FillRepository } from './backfill/fill.repository.js';
import { OutdatedDerivation } from './outdated-derivation.js';
import { RestoredBackup } from './restored-backup.js';
import { ReadModelStore } from './read-model-store.js';
import { KeepsDuplicatesError, probeDeduplication } from './schema/deduplication.js';
import {
  ForeignReadModelError,
  isOwnReadModel,
  migrateReadModel,
  NewerReadModelError,
  OtherTopologyError,
} from './schema/schema.js';

const EVERY_MS = 1000;
const LOCK_WAIT_S = 5;
/** A read model that must not be used. */
const REFUSALS = [ForeignReadModelError, NewerReadModelError, OtherTopologyError, KeepsDuplicatesError];
/** The engine starts after the worker: only then is it missed, ms. */
const MISSED_AFTER_MS = 60_000;

/**
 * Whether the read model can be used by this worker: ClickHouse answers, its tables fit this code, it belongs to this
 * installation. The first worker that finds it so makes every commit from then on leave a row in the outbox.
 */
@Injectable()
export class ReadModelConnection implements OnApplicationBootstrap, OnApplicationShutdown {
  private ready = false;
  private unknown = true;
  private tellKnown!: () => void;
  private readonly firstLook = new Promise<void>((resolve) => (this.tellKnown = resolve));
  private answeredAt = Date.now();
  private told = '';
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly store: ReadModelStore,
    private readonly fills: FillRepository,
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
    void this.task.runNow().then(() => {
      this.unknown = false;
      this.tellKnown();
    });
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
    await this.store.close();
  }

  /** Whether the read model could be used when it was last looked at. */
  get isReady(): boolean {
    return this.ready;
  }

  /** Whether this worker has not looked for the read model yet. */
  get isUnknown(): boolean {
    return this.unknown;
  }

  /** Resolves after the first look; never rejects. */
  get known(): Promise<void> {
    return this.firstLook;
  }

  /** Asks ClickHouse now. */
  async isReachable(): Promise<boolean> {
    if (!this.ready) return false;
    return (await this.store.client.ping()).success;
  }

  private async check(): Promise<void> {
    const { success } = await this.store.client.ping();
    // It may have been deleted, or another's put in its place.
    if (success && this.ready) this.ready = await isOwnReadModel(this.dataSource, this.store);
    if (success && !this.ready) await this.prepare();
    this.metrics.reachable.set(success && this.ready ? 1 : 0);
    if (success) this.answeredAt = Date.now();
    if (success && this.ready) this.tell('The read model is ready');
    if (!success && Date.now() - this.answeredAt > MISSED_AFTER_MS) {
      this.tell('ClickHouse does not answer: events are copied once it does');
    }
  }

  private async prepare(): Promise<void> {
    try {
      await withNamedLock(this.dataSource, 'read-model-schema', LOCK_WAIT_S, async (runner) => {
        const done = await migrateReadModel(runner, this.store, () => this.fills.beginAgain());
        await probeDeduplication(this.store);
        if (done.length > 0) this.logger.info({ migrations: done }, 'The tables of the read model were made');
        // What was committed while it was off left nothing in the outbox.
        if (await this.fills.enable()) await this.fills.beginAgain();
        await this.noticeRestore();
        if (await this.derivation.check()) this.tell('Derived columns changed: the read model is filled anew');
        this.ready = true;
      });
    } catch (error) {
      if (!REFUSALS.some((refusal) => error instanceof refusal)) throw error;
      // Nobody must be answered by it.
      await this.fills.doubt();
      this.tell((error as Error).message);
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
