import type { DataSource } from 'typeorm';
import type { Env } from '../../config/env.js';
import { ArchivedUser, ReadModelState } from '../../database/entities/index.js';
import { DAY_MS } from '../../events/limits.js';
import { ArchiveRepository } from '../archive/archive.repository.js';
import { compareArchive } from '../archive/compare-archive.js';
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

/** MySQL deletes days before this moment at once, ClickHouse within a day. */
const DROPPED = `SELECT LOWER(HEX(id)) AS app, deleted_before AS deletedBefore FROM apps
WHERE retention_rollups = 'drop' AND deleted_before IS NOT NULL`;

/**
 * Compares the read model with MySQL: its events, and every column of the archive of distinct users.
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
    await auditArchive(dataSource, store, difference);
    const progress = (events: number): void => report.progress?.(`Comparing every column: ${events} events`);
    if (deep) await compareEveryColumn(dataSource, fills, store, { difference, progress });
    return differences;
  } finally {
    await store.close();
  }
}

async function auditArchive(
  dataSource: DataSource,
  store: ReadModelStore,
  difference: (line: string) => void,
): Promise<void> {
  const archive = new ArchiveRepository(ArchivedUser, dataSource.manager);
  const dropped: { app: string; deletedBefore: Date }[] = await dataSource.query(DROPPED);
  const firstDayOf = new Map(dropped.map((row) => [row.app, Math.floor(row.deletedBefore.getTime() / DAY_MS)]));
  const { apps } = await leftOut(dataSource, Date.now());
  for (const { appId, day, inMysql, inClickhouse } of await compareArchive(archive, store, apps, firstDayOf)) {
    const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
    difference(
      `read model: archived users of app ${formatUuid(appId)}, ${date}: ${inMysql} in MySQL, ${inClickhouse} in ClickHouse` +
        (inMysql === inClickhouse ? ', and they differ' : ''),
    );
  }
}
