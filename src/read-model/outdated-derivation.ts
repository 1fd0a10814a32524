import { Injectable } from '@nestjs/common';
import { FillRepository } from './backfill/fill.repository.js';
import { DERIVATION_VERSION } from './derive/derive.js';
import { ReadModelStore } from './read-model-store.js';

const OUTDATED = 'SELECT 1 AS found FROM events WHERE derivation != {version:UInt16} LIMIT 1';

/** Notices rows whose derived columns another release made. */
@Injectable()
export class OutdatedDerivation {
  constructor(
    private readonly fills: FillRepository,
    private readonly store: ReadModelStore,
  ) {}

  /** Has the read model filled anew where a row was derived by another version. @returns whether there is one */
  async check(): Promise<boolean> {
    const found = await this.store.ask(OUTDATED, { version: String(DERIVATION_VERSION) });
    if (found.length > 0) await this.fills.orderRebuild();
    return found.length > 0;
  }
}
