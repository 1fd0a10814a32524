import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { withNamedLock } from '../../database/named-lock.js';
import { ArchiveRepair } from '../archive/archive-repair.js';
import { EVENTS, type EventTable, NEXT_EVENTS, REBUILD } from '../copy-targets.js';
import { CopySender } from '../copy-sender.js';
import { INSERT_BYTES, partsOfSize } from '../copy-size.js';
import { OutboxRepository } from '../outbox/outbox.repository.js';
import { projectionRow } from '../projection/projection-row.js';
import { READINESS_EVERY_MS } from '../questions/read-model-readiness.js';
import { ReadModelConnection } from '../read-model-connection.js';
import { ReadModelMetrics } from '../read-model-metrics.js';
import { ReadModelStore } from '../read-model-store.js';
import { Reconciler } from '../reconciler.js';
import { compareWithMysql } from './compare.js';
import { type FillPiece, FillRepository, type FillState } from './fill.repository.js';

const EVERY_MS = 1000;
/** API processes have heard by then that the copy is not complete (read-model-readiness.ts). */
const UNASKED_AFTER_MS = 3 * READINESS_EVERY_MS;
/** How long an insert that was given up may take to arrive, in times of COPY_TIMEOUT_MS. */
const LATE_INSERTS = 4;
/** How long an erasure that is under way may hold up the exchange of the tables, seconds. */
const DELETIONS_WAIT_S = 60;
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
    private readonly outbox: OutboxRepository,
    private readonly archive: ArchiveRepair,
    private readonly env: Env,
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
    if (!(await this.connection.isReachable()) || isDone(await this.fills.state())) return;
    await withNamedLock(this.dataSource, 'read-model-fill', 0, (runner) => this.fill(runner, signal));
  }

  private async fill(runner: QueryRunner, signal: AbortSignal): Promise<void> {
    const state = await this.fills.state();
    if (isDone(state)) return;
    if (state.rebuildStage === REBUILD.exchanging) return this.exchange(runner, state);
    if (state.rebuildOrdered || (state.hostsAreDue && state.rebuildStage === REBUILD.none)) {
      return this.rebuild(state, signal);
    }
    const isBeside = state.rebuildStage === REBUILD.filling;
    const table = isBeside ? NEXT_EVENTS : EVENTS;
    // Deleted by hand.
    if (isBeside && (await this.store.idOf(NEXT_EVENTS)) !== state.nextTable) return this.rebuild(state, signal);
    let { cursor, filled } = state;
    const total = await this.fills.total();
    const run = randomUUID();
    let toldAt = Date.now();
    for (;;) {
      signal.throwIfAborted();
      if ((await this.fills.state()).rebuildOrdered) return;
      const piece = await this.fills.nextPiece(cursor);
      if (!piece) break;
      await this.copy(table, piece, run);
      await this.fills.advance(piece.cursor, piece.read);
      cursor = piece.cursor;
      filled += piece.read;
      // The lock is this session's, and idle sessions are ended.
      await runner.query('DO 0');
      if (Date.now() - toldAt < PROGRESS_EVERY_MS) continue;
      toldAt = Date.now();
      this.logger.info({ events: filled, total, notice: true }, `Filling the read model: ${percent(filled, total)}`);
    }
    await this.finish(runner, state, filled, signal);
  }

  /** Makes the read model hold what MySQL holds between the first and the last event of a piece. */
  private async copy(table: EventTable, { events, context, inOutbox }: FillPiece, run: string): Promise<void> {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return;
    const there = await this.store.idsBetween(table, first.appId, first.id, last.id);
    const missing = events.filter(({ id }) => !there.has(id));
    for (const events of partsOfSize(missing, INSERT_BYTES)) {
      // Of this run alone: were the table emptied, ClickHouse could remember what another run sent.
      const token = createHash('sha256').update(run);
      for (const { id } of events) token.update(id);
      await this.sender.send(
        table,
        events.map((event) => projectionRow(event, context)),
        token.digest('hex'),
      );
    }
    // Erased since the snapshot, or by a run that ended between sending and looking.
    for (const { id } of missing) there.add(id);
    const copied = [...there].filter((id) => !inOutbox.has(id)).map((id) => ({ appId: first.appId, id }));
    const surplus = await this.reconciler.notStored(copied);
    if (surplus.length > 0) await this.store.deleteEvents(table, surplus);
    this.metrics.filled.inc(missing.length);
  }

  /**
   * Begins anew, and the next run fills: beside the table that answers; or that table itself, emptied, where it does not answer.
   * @param signal ends the wait until no API process asks it any more
   */
  private async rebuild({ completeAt }: FillState, signal: AbortSignal): Promise<void> {
    if (completeAt) {
      await this.fills.beginNext(await this.store.makeNext());
      this.logger.info({ notice: true }, 'The read model is filled anew; the present one answers until then');
      return;
    }
    await wait(UNASKED_AFTER_MS, undefined, { signal });
    await this.store.empty();
    await this.fills.beginAgain();
    await this.store.dropNext();
    this.logger.info({ notice: true }, 'The read model is filled anew');
  }

  private async finish(runner: QueryRunner, state: FillState, filled: number, signal: AbortSignal): Promise<void> {
    // Looked at again by the next run.
    if (!(await this.archive.isComplete())) return;
    const isBeside = state.rebuildStage === REBUILD.filling;
    const differences: string[] = [];
    const difference = (line: string): void => void differences.push(line);
    await compareWithMysql(this.dataSource, this.store, difference, isBeside ? NEXT_EVENTS : EVENTS, signal);
    if (differences.length > 0) {
      await this.rebuild(state, signal);
      throw new ReadModelDiffersError(differences);
    }
    if (isBeside) return this.exchange(runner, state, signal);
    await this.fills.complete();
    this.logger.info({ events: filled, notice: filled > 0 }, 'The read model holds every event');
  }

  /**
   * Puts the second table in the place of the first. From its beginning to its end no copy counts: it might have gone twice into
   * one of the two. ClickHouse's ids tell, after a death in between, whether they have changed places.
   */
  private async exchange(runner: QueryRunner, { nextTable }: FillState, signal?: AbortSignal): Promise<void> {
    // An insert that was given up may arrive yet, and the second table does not know its token.
    while (signal && (await this.outbox.recoveredLately((LATE_INSERTS * this.env.copyTimeoutMs) / 1000))) {
      await wait(EVERY_MS, undefined, { signal });
      await runner.query('DO 0');
    }
    await withNamedLock(this.dataSource, 'read-model-deletions', DELETIONS_WAIT_S, async () => {
      if (signal && !(await this.fills.beginExchange())) return;
      await this.store.exchange(nextTable);
      await this.fills.endExchange();
      await this.store.dropNext();
      this.logger.info({ notice: true }, 'The read model was filled anew, and answers from now on');
    });
  }
}

/** Nothing is to be filled. */
function isDone({ completeAt, rebuildOrdered, hostsAreDue, rebuildStage }: FillState): boolean {
  return completeAt !== null && !rebuildOrdered && !hostsAreDue && rebuildStage === REBUILD.none;
}

function percent(part: number, total: number): string {
  return total === 0 ? 'begun' : `${Math.min(100, Math.floor((part / total) * 100))} %`;
}
