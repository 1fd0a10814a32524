import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { binary } from '../../database/binary.js';
import { retried } from '../../database/retried.js';
import { columnNames, EVENT_FIELDS } from '../../events/event-columns.js';
import { storedEvent, type StoredEventFields, type StoredRow } from '../../events/stored-event.js';
import { INSERT_BATCHES, INSERT_BYTES } from '../copy-size.js';
import { copyTargets, EVENTS, TablesMoveError } from '../copy-targets.js';
import { CopySender } from '../copy-sender.js';
import { derivationContexts } from '../projection/own-hosts.js';
import { projectionRow } from '../projection/projection-row.js';
import { ReadModelMetrics } from '../read-model-metrics.js';
import { ReadModelStore } from '../read-model-store.js';
import { ReadModelConnection } from '../read-model-connection.js';
import { Reconciler } from '../reconciler.js';
import { unpackEventIds } from './event-ids.js';
import { groupOf, type LeftBatch, OutboxRepository } from './outbox.repository.js';

const EVERY_MS = 1000;
/** A batch may be on its usual way until it is this many times as old as an insert may take. */
const AGE = 4 / 3;
const IDS_AT_ONCE = 1000;

const STORED_EVENTS = `SELECT ${columnNames(EVENT_FIELDS)} FROM events WHERE app_id = ? AND batch_id = ? AND id IN (?)`;

/**
 * Copies what was left in the outbox: by a worker that was killed or frozen between commit and copy, by a commit whose
 * outcome was unknown, and while ClickHouse was away. Any worker does it; each holds the rows of its group locked.
 */
@Injectable()
export class OutboxRecovery implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  /** Seconds. */
  private readonly ageS: number;

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: OutboxRepository,
    private readonly sender: CopySender,
    private readonly store: ReadModelStore,
    private readonly connection: ReadModelConnection,
    private readonly reconciler: Reconciler,
    private readonly metrics: ReadModelMetrics,
    { copyTimeoutMs }: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.ageS = (AGE * copyTimeoutMs) / 1000;
    this.task = new PeriodicTask({
      name: 'outbox-recovery',
      intervalMs: EVERY_MS,
      run: (signal) => this.run(signal),
      logger,
      failure: 'What was left in the outbox could not be copied; it is tried again',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async run(signal: AbortSignal): Promise<void> {
    if (!(await this.connection.isReachable())) return;
    do signal.throwIfAborted();
    while (await this.recoverGroup());
  }

  /** @returns whether there was a group */
  private async recoverGroup(): Promise<boolean> {
    await retried(() => this.dataSource.transaction((manager) => this.formGroup(manager)));
    return this.dataSource.transaction(async (manager) => {
      const outbox = manager.withRepository(this.outbox);
      const group = await outbox.leftGroup(this.ageS);
      if (!group) return false;
      const batchIds = group.batches.map(({ batchId }) => batchId);
      const events = await storedEvents(manager, group.batches);
      const { tables, generation } = await copyTargets(manager);
      const contextOf = await derivationContexts(
        manager,
        events.map(({ appId }) => appId),
      );
      let [sent, known] = [0, 0];
      for (const table of tables) {
        const there = new Set((await this.store.eventsOfBatches(table, batchIds)).map(({ appId, id }) => appId + id));
        const missing = events.filter(({ appId, id }) => !there.has(appId + id));
        await this.sender.send(
          table,
          missing.map((event) => projectionRow(event, contextOf(event.appId))),
          group.id,
        );
        if (table === EVENTS) sent = missing.length;
        known += there.size;
      }
      if (known > 0) await this.reconciler.deleteSurplus(batchIds);
      await outbox.noteRecovered(batchIds);
      // The rows are locked: nobody else has taken them out.
      if ((await outbox.complete({ id: group.id, batchIds }, generation)) < batchIds.length)
        throw new TablesMoveError();
      this.metrics.recovered.inc(sent);
      this.logger.info({ batches: batchIds.length, events: sent }, 'Copied what was left in the outbox');
      return true;
    });
  }

  /** Batches without a group get one before they are sent: a group never changes afterwards. */
  private async formGroup(manager: EntityManager): Promise<void> {
    const outbox = manager.withRepository(this.outbox);
    const found = await outbox.leftAlone(this.ageS, INSERT_BATCHES);
    let bytes = 0;
    const taken = found.filter((batch, place) => (bytes += batch.bytes) <= INSERT_BYTES || place === 0);
    if (taken.length === 0) return;
    await outbox.fixGroup(groupOf(taken.map(({ batchId }) => batchId)));
  }
}

/** What MySQL still holds of these batches, in the order in which their ids are noted. */
async function storedEvents(manager: EntityManager, batches: readonly LeftBatch[]): Promise<StoredEventFields[]> {
  const events: StoredEventFields[] = [];
  for (const { batchId, eventIds } of batches) {
    for (const [appId, ids] of unpackEventIds(eventIds)) {
      for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
        const asked = ids.slice(from, from + IDS_AT_ONCE);
        const rows: StoredRow[] = await manager.query(STORED_EVENTS, [binary(appId), binary(batchId), asked]);
        events.push(...rows.map(storedEvent));
      }
    }
  }
  return events;
}
