import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { withNamedLock } from '../database/named-lock.js';

const MONTHS_AHEAD = 3;
const FIRST_MONTH = Date.UTC(2026, 0, 1);
/** Seconds to wait for another worker that makes them: what is there is then seen. */
const WAIT_S = 30;
const EVERY_MS = 24 * 60 * 60_000;
const NAMES = `SELECT partition_name AS name FROM information_schema.partitions
WHERE table_schema = DATABASE() AND table_name = 'events'`;

/** A partition for the events of one UTC month, named by it. */
export interface MonthPartition {
  name: string;
  /** Ids below this are in it: UUIDv7 of the next month's first millisecond, as hex digits. */
  below: string;
}

/** @returns names of the partitions of `events` */
export async function partitionNames(runner: QueryRunner): Promise<string[]> {
  const rows: { name: string }[] = await runner.query(NAMES);
  return rows.map((row) => row.name);
}

/** Where a partition's ids end (ms); undefined for the last one, which has no end. */
export function partitionEnd(name: string): number | undefined {
  const [, before, year, month] = /^p_(before_)?(\d{4})_(\d\d)$/.exec(name) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(Number(year), Number(month) - (before ? 1 : 0), 1);
}

/** The months from the first to a few ahead of `now` that have no partition yet. */
export function missingMonths(existing: ReadonlySet<string>, now: number): MonthPartition[] {
  const missing: MonthPartition[] = [];
  const today = new Date(now);
  const end = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + MONTHS_AHEAD + 1, 1);
  // Retention drops months from the front: what is missing there stays so.
  const first = Math.max(FIRST_MONTH, ...[...existing].flatMap((name) => partitionEnd(name) ?? []));
  for (let month = new Date(first); month.getTime() < end;) {
    const next = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1));
    const name = `p_${month.toISOString().slice(0, 7).replace('-', '_')}`;
    if (!existing.has(name))
      missing.push({ name, below: next.getTime().toString(16).padStart(12, '0').padEnd(32, '0') });
    month = next;
  }
  return missing;
}

/** Makes the months of `events` ahead of time, so that the last partition, which takes all the rest, stays empty. */
@Injectable()
export class Partitions implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'partitions',
      intervalMs: EVERY_MS,
      run: () => this.makeAhead(),
      logger,
      // Without its partition a month's events go to the last one.
      failure: 'Could not make the partitions of events ahead; trying again tomorrow',
      failureLevel: 'error',
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.task.runNow();
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async makeAhead(): Promise<void> {
    await withNamedLock(this.dataSource, 'partitions', WAIT_S, (runner) => this.make(runner, Date.now()));
  }

  private async make(runner: QueryRunner, now: number): Promise<void> {
    const missing = missingMonths(new Set(await partitionNames(runner)), now);
    if (missing.length === 0) return;
    // Names and bounds are made here from dates; DDL takes no bound parameters.
    const parts = missing.map(({ name, below }) => `PARTITION ${name} VALUES LESS THAN (X'${below}')`);
    await runner.query(
      `ALTER TABLE events REORGANIZE PARTITION p_rest INTO (${parts.join(', ')}, PARTITION p_rest VALUES LESS THAN (MAXVALUE))`,
    );
    this.logger.info({ months: missing.map(({ name }) => name) }, 'Made partitions ahead');
  }
}
