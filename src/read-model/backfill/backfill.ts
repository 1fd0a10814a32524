import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { withNamedLock } from '../../database/named-lock.js';
import { CopySender } from '../copy-sender.js';
import { INSERT_BYTES, partsOfSize } from '../copy-size.js';
import { projectionRow } from '../projection/projection-row.js';
import { READINESS_EVERY_MS } from '../questions/read-model-readiness.js';
import { ReadModelConnection } from '../read-model-connection.js';
import { ReadModelMetrics } from '../read-model-metrics.js';
import { ReadModelStore } from '../read-model-store.js';
import { Reconciler } from '../reconciler.js';
import { compareWithMysql } from './compare.js';
import { type FillPiece, FillRepository } from './fill.repository.js';

const EVERY_MS = 1000;
/** API processes have heard by then that the copy is not complete (read-model-readiness.ts). */
const UNASKED_AFTER_MS = 3 * READINESS_EVERY_MS;
/** How often the log tells how far it is. */
const PROGRESS_EVERY_MS = 10_000;

/** The read model was compared with MySQL when it was filled, and differs. */
export class ReadModelDiffersError extends Error {
  constructor(lines: readonly string[]) {
    super(`The read model differs from MySQL after it was filled; it is filled anew. First difference: ${lines[0]}`);
    this.name = 'ReadModelDiffersError';
  }
}

/**
 * Fills the read model with what was committed before there was an outbox, while events keep arriving. One worker at a time,
 * piece by piece in the order of MySQL's table. A piece may be repeated: it only sends what is missing, and takes out what
 * MySQL does not hold. Questions are answered once all of it is there and was compared.
 */
@Injectable()
export class Backfill implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly fills: FillRepository,
    private readonly connection: ReadModelConnection,
    private readonly store: ReadModelStore,
    private readonly sender: CopySender,
    private readonly reconciler: Reconciler,
    private readonly metrics: ReadModelMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'read-model-fill',
      intervalMs: EVERY_MS,
      run: (signal) => this.run(signal),
      logger,
      failure: 'The read model could not be filled; it goes on where it was',
    });
  }

  onApplicationBootstrap(): void {
    void this.task.runNow();
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async run(signal: AbortSignal): Promise<void> {
    if (!(await this.connection.isReachable()) || (await this.fills.state()).completeAt) return;
    await withNamedLock(this.dataSource, 'read-model-fill', 0, (runner) => this.fill(runner, signal));
  }

  private async fill(runner: QueryRunner, signal: AbortSignal): Promise<void> {
    const state = await this.fills.state();
    if (state.completeAt) return;
    if (state.rebuildOrdered) return this.rebuild(signal);
    let { cursor, filled } = state;
    const total = await this.fills.total();
    const run = randomUUID();
    let toldAt = Date.now();
    for (;;) {
      signal.throwIfAborted();
      const piece = await this.fills.nextPiece(cursor);
      if (!piece) break;
      await this.copy(piece, run);
      await this.fills.advance(piece.cursor, piece.read);
      cursor = piece.cursor;
      filled += piece.read;
      // The lock is this session's, and idle sessions are ended.
      await runner.query('DO 0');
      if (Date.now() - toldAt < PROGRESS_EVERY_MS) continue;
      toldAt = Date.now();
      this.logger.info({ events: filled, total, notice: true }, `Filling the read model: ${percent(filled, total)}`);
    }
    await this.finish(filled, signal);
  }

  /** Makes the read model hold what MySQL holds between the first and the last event of a piece. */
  private async copy({ events, inOutbox }: FillPiece, run: string): Promise<void> {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return;
    const there = await this.store.idsBetween(first.appId, first.id, last.id);
    const missing = events.filter(({ id }) => !there.has(id));
    for (const events of partsOfSize(missing, INSERT_BYTES)) {
      // Of this run alone: were the table emptied, ClickHouse could remember what another run sent.
      const token = createHash('sha256').update(run);
      for (const { id } of events) token.update(id);
      await this.sender.send(
        events.map((event) => projectionRow(event)),
        token.digest('hex'),
      );
    }
    // Erased since the snapshot, or by a run that ended between sending and looking.
    for (const { id } of missing) there.add(id);
    const copied = [...there].filter((id) => !inOutbox.has(id)).map((id) => ({ appId: first.appId, id }));
    const surplus = await this.reconciler.notStored(copied);
    if (surplus.length > 0) await this.store.deleteEvents(surplus);
    this.metrics.filled.inc(missing.length);
  }

  /** The next run fills it. @param signal ends the wait until no API process asks it any more */
  private async rebuild(signal: AbortSignal): Promise<void> {
    await wait(UNASKED_AFTER_MS, undefined, { signal });
    await this.store.empty();
    await this.fills.beginAgain();
    this.logger.info({ notice: true }, 'The read model is filled anew');
  }

  private async finish(filled: number, signal: AbortSignal): Promise<void> {
    const differences: string[] = [];
    await compareWithMysql(this.dataSource, this.store, (line) => differences.push(line), signal);
    if (differences.length > 0) {
      await this.rebuild(signal);
      throw new ReadModelDiffersError(differences);
    }
    await this.fills.complete();
    this.logger.info({ events: filled, notice: filled > 0 }, 'The read model holds every event');
  }
}

function percent(part: number, total: number): string {
  return total === 0 ? 'begun' : `${Math.min(100, Math.floor((part / total) * 100))} %`;
}
