import { Injectable } from '@nestjs/common';
import { FillRepository } from './backfill/fill.repository.js';
import { EVENTS, type EventTable, NEXT_EVENTS, REBUILD } from './copy-targets.js';
import { DERIVATION_VERSION } from './derive/derive.js';
import { ReadModelStore } from './read-model-store.js';

const outdated = (table: EventTable): string =>
  `SELECT 1 AS found FROM ${table} WHERE derivation != {version:UInt16} LIMIT 1`;

/** Notices rows whose derived columns another release made. */
@Injectable()
export class OutdatedDerivation {
  constructor(
    private readonly fills: FillRepository,
    private readonly store: ReadModelStore,
  ) {}

  /**
   * Has the read model filled anew where a row was derived by another version: of the table that is being filled, where one is.
   * @returns whether there is such a row
   */
  async check(): Promise<boolean> {
    const isFilling = (await this.fills.state()).rebuildStage === REBUILD.filling;
    const table = isFilling && (await this.store.idOf(NEXT_EVENTS)) ? NEXT_EVENTS : EVENTS;
    const found = await this.store.ask(outdated(table), { version: String(DERIVATION_VERSION) });
    if (found.length > 0) await this.fills.orderRebuild();
    return found.length > 0;
  }
}
