import { Injectable, Optional } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { binaries, binary } from '../database/binary.js';
import { copyTargets } from './copy-targets.js';
import type { EventKey } from './outbox/event-ids.js';
import { ReadModelMetrics } from './read-model-metrics.js';
import { ReadModelStore } from './read-model-store.js';

const STORED = 'SELECT id FROM events WHERE app_id = ? AND id IN (?)';
const ASKED_AT_ONCE = 1000;

/** Takes out of the read model what MySQL does not hold. */
@Injectable()
export class Reconciler {
  constructor(
    private readonly dataSource: DataSource,
    private readonly store: ReadModelStore,
    @Optional() private readonly metrics?: ReadModelMetrics,
  ) {}

  /** Deletes the events of batches that were deleted in MySQL meanwhile. @returns how many */
  async deleteSurplus(batchIds: readonly string[]): Promise<number> {
    let deleted = 0;
    for (const table of (await copyTargets(this.dataSource.manager)).tables) {
      const surplus = await this.notStored(await this.store.eventsOfBatches(table, batchIds));
      if (surplus.length > 0) await this.store.deleteEvents(table, surplus);
      deleted += surplus.length;
    }
    this.metrics?.surplusDeleted.inc(deleted);
    return deleted;
  }

  /** Those of the events that MySQL does not hold now. */
  async notStored(events: readonly EventKey[]): Promise<EventKey[]> {
    const idsOf = new Map<string, string[]>();
    for (const { appId, id } of events) {
      const ids = idsOf.get(appId);
      if (ids) ids.push(id);
      else idsOf.set(appId, [id]);
    }
    const missing: EventKey[] = [];
    for (const [appId, ids] of idsOf) {
      for (let from = 0; from < ids.length; from += ASKED_AT_ONCE) {
        const asked = ids.slice(from, from + ASKED_AT_ONCE);
        const rows: { id: Buffer }[] = await this.dataSource.query(STORED, [binary(appId), binaries(asked)]);
        const stored = new Set(rows.map((row) => row.id.toString('hex')));
        for (const id of asked) if (!stored.has(id)) missing.push({ appId, id });
      }
    }
    return missing;
  }
}
