import { Injectable } from '@nestjs/common';
import { FillRepository } from './backfill/fill.repository.js';
import { ReadModelStore } from './read-model-store.js';
import { Reconciler } from './reconciler.js';

/** The newest batches of the read model, each with one of its events. */
const NEWEST = `SELECT lower(hex(batch_id)) AS batch, replaceAll(toString(any(app_id)), '-', '') AS app,
  lower(hex(any(id))) AS event
FROM events GROUP BY batch_id ORDER BY batch_id DESC LIMIT 20`;

/** Notices that MySQL was restored from a backup that is older than the read model. */
@Injectable()
export class RestoredBackup {
  constructor(
    private readonly fills: FillRepository,
    private readonly store: ReadModelStore,
    private readonly reconciler: Reconciler,
  ) {}

  /**
   * Looks the newest batches up in MySQL. A batch that neither the ledger nor `events` knows was undone: the read model is then
   * emptied and filled anew.
   * @returns how many batches MySQL does not know
   */
  async check(): Promise<number> {
    if (!(await this.fills.state()).completeAt) return 0;
    const newest = await this.store.ask<{ batch: string; app: string; event: string }>(NEWEST);
    if (newest.length === 0) return 0;
    const known = await this.fills.knownBatches(newest.map(({ batch }) => batch.padStart(32, '0')));
    const unknown = newest.filter(({ batch }) => !known.has(batch.padStart(32, '0')));
    // The ledger forgets after a month.
    const events = unknown.map(({ app, event }) => ({ appId: app, id: event.padStart(32, '0') }));
    const undone = await this.reconciler.notStored(events);
    if (undone.length > 0) {
      await this.fills.doubt();
      await this.fills.orderRebuild();
    }
    return undone.length;
  }
}
