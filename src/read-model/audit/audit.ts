import type { DataSource } from 'typeorm';
import type { Env } from '../../config/env.js';
import { ReadModelState } from '../../database/entities/index.js';
import { FillRepository } from '../backfill/fill.repository.js';
import { formatUuid } from '../../events/event-id.js';
import { leftOut } from '../backfill/left-out.js';
import { ReadModelStore } from '../read-model-store.js';
import { compareWithMysql } from '../backfill/compare.js';
import { compareEveryColumn } from './deep-compare.js';

/** What an audit tells while it goes on; a line each. */
export interface AuditReport {
  difference(line: string): void;
  /** What cannot be compared, and why. */
  unchecked(line: string): void;
  progress?(text: string): void;
}

/**
 * Compares the read model with MySQL.
 * @param deep whether every column is compared, or the number of events and their ids alone
 * @returns the number of differences
 * @throws errors of ClickHouse, as when it is down
 */
export async function auditReadModel(
  dataSource: DataSource,
  env: Env,
  deep: boolean,
  report: AuditReport,
): Promise<number> {
  const fills = new FillRepository(ReadModelState, dataSource.manager);
  const { enabled, completeAt } = await fills.state();
  if (!env.readModel) {
    report.unchecked('read model: not compared, since CLICKHOUSE_URL is not set');
    return 0;
  }
  if (!enabled || !completeAt) {
    report.unchecked('read model: not compared, since it is being filled');
    return 0;
  }
  const store = new ReadModelStore(env.readModel, env.copyTimeoutMs);
  let differences = 0;
  const difference = (line: string): void => {
    differences += 1;
    report.difference(line);
  };
  try {
    for (const app of (await leftOut(dataSource, Date.now())).apps) {
      report.unchecked(`read model: app ${formatUuid(app)} is not compared, since something is being erased in it`);
    }
    report.progress?.('Comparing the read model');
    await compareWithMysql(dataSource, store, difference);
    const progress = (events: number): void => report.progress?.(`Comparing every column: ${events} events`);
    if (deep) await compareEveryColumn(dataSource, fills, store, { difference, progress });
    return differences;
  } finally {
    await store.close();
  }
}
