import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';
import { retried } from '../database/retried.js';
import type { StoredEventFields } from '../events/stored-event.js';
import { groupOf, type OutboxGroup, OutboxRepository } from './outbox/outbox.repository.js';
import { type CopyTargets, copyTargets } from './copy-targets.js';
import { CopySender } from './copy-sender.js';
import { INSERT_BATCHES, INSERT_BYTES, WAITING_BYTES } from './copy-size.js';
import { type DerivationContexts, derivationContexts } from './projection/own-hosts.js';
import { projectionRow } from './projection/projection-row.js';
import { ReadModelConnection } from './read-model-connection.js';
import { ReadModelMetrics } from './read-model-metrics.js';
import { Reconciler } from './reconciler.js';

/** A batch whose transaction is known to be committed, and which left a row in the outbox. */
export interface CommittedBatch {
  /** 32 hex digits. */
  batchId: string;
  /** About what they take when they are sent. */
  bytes: number;
  /** What it inserted; at least one. */
  events: readonly StoredEventFields[];
}

/** After a copy failed, the next one waits; twice as long each time, up to the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;

/** How long an insert that was given up may take to arrive, in times of COPY_TIMEOUT_MS. */
const DOUBTS_LAST = 4;
const DOUBTS_EVERY_MS = 5000;

/** Somebody else has begun to copy a batch of the group. */
class GroupTakenError extends Error {}

/**
 * The usual way into the read model: what this worker has just committed is sent while it writes the next chunk. Whatever
 * goes wrong, the outbox keeps the batch, and {@link OutboxRecovery} copies it later.
 */
@Injectable()
export class Projector implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly waiting: CommittedBatch[] = [];
  private waitingBytes = 0;
  private running?: Promise<void>;
  private failures = 0;
  private pausedUntil = 0;
  private stopping = false;
  /** Groups whose insert failed, or may yet arrive although somebody else has copied them meanwhile. */
  private doubtful: { group: OutboxGroup; since: number }[] = [];
  private readonly doubts: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: OutboxRepository,
    private readonly connection: ReadModelConnection,
    private readonly sender: CopySender,
    private readonly reconciler: Reconciler,
    private readonly metrics: ReadModelMetrics,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.doubts = new PeriodicTask({
      name: 'doubtful-copies',
      intervalMs: Math.min(env.copyTimeoutMs, DOUBTS_EVERY_MS),
      run: () => this.settleDoubts(),
      logger,
      failureLevel: 'debug',
    });
  }

  onApplicationBootstrap(): void {
    this.doubts.start();
  }

  /** Finishes what is being sent; the rest is in the outbox. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.doubts.stop();
    await this.running;
  }

  /** Sends a batch soon, or leaves it to the recovery, which reads it from MySQL again. Never waits, never throws. */
  offer(batch: CommittedBatch): void {
    const isFull = this.waitingBytes + batch.bytes > WAITING_BYTES;
    const isHopeless = !this.connection.isReady && !this.connection.isUnknown;
    if (this.stopping || isFull || isHopeless || Date.now() < this.pausedUntil) return;
    this.waiting.push(batch);
    this.waitingBytes += batch.bytes;
    // A worker that has just started holds its batches until it has looked for ClickHouse.
    if (this.connection.isUnknown) void this.connection.known.then(() => this.begin());
    else this.begin();
  }

  private begin(): void {
    if (this.connection.isReady) this.running ??= this.run().finally(() => (this.running = undefined));
    else this.leaveWaiting();
  }

  /** Drops the waiting batches; the recovery finds them in the outbox. */
  private leaveWaiting(): void {
    this.waiting.length = 0;
    this.waitingBytes = 0;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0 && !this.stopping) {
      const batches = this.takeGroup();
      try {
        await this.send(batches);
        this.failures = 0;
      } catch (error) {
        if (error instanceof GroupTakenError) continue;
        this.failures += 1;
        this.metrics.copyFailures.inc();
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.failures - 1), LONGEST_PAUSE_MS);
        this.pausedUntil = Date.now() + pause;
        this.leaveWaiting();
        this.logger.warn(
          { err: error, pauseMs: pause },
          'Events could not be copied into the read model; it is tried again',
        );
      }
    }
  }

  private takeGroup(): CommittedBatch[] {
    let bytes = 0;
    let end = 0;
    while (end < this.waiting.length && end < INSERT_BATCHES) {
      bytes += this.waiting[end]!.bytes;
      if (end > 0 && bytes > INSERT_BYTES) break;
      end += 1;
    }
    const batches = this.waiting.splice(0, end);
    for (const batch of batches) this.waitingBytes -= batch.bytes;
    return batches;
  }

  private async send(batches: readonly CommittedBatch[]): Promise<void> {
    const group = groupOf(batches.map(({ batchId }) => batchId));
    const events = batches.flatMap((batch) => batch.events);
    const { tables, generation, contextOf } = await this.fix(group, events);
    const begun = performance.now();
    const rows = events.map((event) => projectionRow(event, contextOf(event.appId)));
    try {
      for (const table of tables) await this.sender.send(table, rows, group.id);
    } catch (error) {
      this.doubtful.push({ group, since: Date.now() });
      throw error;
    }
    await this.complete(group, generation);
    this.metrics.copied.inc(rows.length);
    this.metrics.copySeconds.observe((performance.now() - begun) / 1000);
  }

  /** @returns where the group is to be copied, and what its events are derived with */
  private async fix(
    group: OutboxGroup,
    events: readonly StoredEventFields[],
  ): Promise<CopyTargets & { contextOf: DerivationContexts }> {
    return retried(() =>
      this.dataSource.transaction(async (manager) => {
        const fixed = await manager.withRepository(this.outbox).fixGroup(group);
        if (fixed !== group.batchIds.length) throw new GroupTakenError();
        const targets = await copyTargets(manager);
        const apps = new Set(events.map(({ appId }) => appId));
        return { ...targets, contextOf: await derivationContexts(manager, apps) };
      }),
    );
  }

  /**
   * Where a row was gone, somebody has recovered the batch while this process was held up. What they did since, an erasure
   * for one, must not be undone by what was sent now. Where copies go elsewhere by now, the recovery sends the group again.
   */
  private async complete(group: OutboxGroup, generation: number): Promise<void> {
    try {
      const left = await retried(() => this.outbox.complete(group, generation));
      if (left < group.batchIds.length) await this.reconciler.deleteSurplus(group.batchIds);
    } catch (error) {
      this.doubtful.push({ group, since: Date.now() });
      throw error;
    }
  }

  /**
   * An insert without an answer may have arrived, or arrive yet. While the batches are in the outbox, whoever recovers them
   * looks what is there. Once they are gone, nobody else would notice what comes late.
   */
  private async settleDoubts(): Promise<void> {
    for (const doubt of [...this.doubtful]) {
      const { group, since } = doubt;
      const isOld = Date.now() - since > DOUBTS_LAST * this.env.copyTimeoutMs;
      const left = await this.outbox.countLeft(group.batchIds);
      if (left < group.batchIds.length) await this.reconciler.deleteSurplus(group.batchIds);
      if (left === 0 && isOld) this.doubtful = this.doubtful.filter((one) => one !== doubt);
    }
  }
}
