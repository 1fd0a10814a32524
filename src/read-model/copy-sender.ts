import { ClickHouseError } from '@clickhouse/client';
import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import type { EventTable } from './copy-targets.js';
import type { ProjectionRow } from './projection/projection-row.js';
import { ReadModelMetrics } from './read-model-metrics.js';
import { ReadModelStore } from './read-model-store.js';

/** ClickHouse's errors that say that a value cannot be stored: sending it again cannot help. */
const DATA_ERRORS: ReadonlySet<string> = new Set([
  'ARGUMENT_OUT_OF_BOUND',
  'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
  'CANNOT_READ_ALL_DATA',
  'INCORRECT_DATA',
  'TOO_LARGE_STRING_SIZE',
  'TYPE_MISMATCH',
  'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
]);

/** Sends rows to the read model; a row that ClickHouse refuses holds up no other. */
@Injectable()
export class CopySender {
  constructor(
    private readonly store: ReadModelStore,
    private readonly metrics: ReadModelMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Sends rows under a token. Where one of them is refused, halves are sent under tokens of their own, which follow from the
   * first: whoever sends the same rows again ends at the same halves. A row that is refused alone goes without its metadata.
   * @param token ClickHouse takes rows of a month once under it
   * @throws errors that may pass, as of a ClickHouse that is down
   */
  async send(table: EventTable, rows: readonly ProjectionRow[], token: string): Promise<void> {
    if (rows.length === 0) return;
    try {
      await this.store.insert(table, rows, token);
    } catch (error) {
      if (!isDataError(error)) throw error;
      const [row] = rows as [ProjectionRow];
      if (rows.length > 1) {
        const middle = rows.length >> 1;
        await this.send(table, rows.slice(0, middle), `${token}0`);
        await this.send(table, rows.slice(middle), `${token}1`);
        return;
      }
      if (row.metadataLeftOut) throw error;
      this.metrics.metadataLeftOut.inc();
      this.logger.warn({ err: error, app: row.appId, id: row.id }, 'An event is copied without its metadata');
      await this.send(table, [{ ...row, metadata: '', metadataLeftOut: true }], `${token}-`);
    }
  }
}

function isDataError(error: unknown): boolean {
  return error instanceof ClickHouseError && DATA_ERRORS.has(error.type ?? '');
}
