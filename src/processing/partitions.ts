import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';

const MONTHS_AHEAD = 3;
const FIRST_MONTH = Date.UTC(2026, 0, 1);
const EVERY_MS = 24 * 60 * 60_000;
const NAMES = `SELECT partition_name AS name FROM information_schema.partitions
WHERE table_schema = DATABASE() AND table_name = 'events'`;

/** A partition for the events of one UTC month, named by it. */
export interface MonthPartition {
  name: string;
  /** Ids below this are in it: UUIDv7 of the next month's first millisecond, as hex digits. */
  below: string;
}

/** The months from the first to a few ahead of `now` that have no partition yet. */
export function missingMonths(existing: ReadonlySet<string>, now: number): MonthPartition[] {
  const missing: MonthPartition[] = [];
  const today = new Date(now);
  const end = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + MONTHS_AHEAD + 1, 1);
  for (let month = new Date(FIRST_MONTH); month.getTime() < end;) {
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
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.makeAhead();
    this.timer = setInterval(() => void this.makeAhead(), EVERY_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Never throws: without its partition a month's events go to the last one, and the next run tries again. */
  async makeAhead(now = Date.now()): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const [lock] = (await runner.query(
        `SELECT GET_LOCK(CONCAT('tallystone partitions ', DATABASE()), 30) AS taken`,
      )) as {
        taken: number | string | null;
      }[];
      if (Number(lock?.taken) !== 1) return;
      try {
        const rows: { name: string }[] = await runner.query(NAMES);
        const missing = missingMonths(new Set(rows.map((row) => row.name)), now);
        if (missing.length === 0) return;
        // Names and bounds are made here from dates; DDL takes no bound parameters.
        const parts = missing.map(({ name, below }) => `PARTITION ${name} VALUES LESS THAN (X'${below}')`);
        await runner.query(
          `ALTER TABLE events REORGANIZE PARTITION p_rest INTO (${parts.join(', ')}, PARTITION p_rest VALUES LESS THAN (MAXVALUE))`,
        );
        this.logger.info({ months: missing.map(({ name }) => name) }, 'Made partitions ahead');
      } finally {
        await runner.query(`SELECT RELEASE_LOCK(CONCAT('tallystone partitions ', DATABASE()))`);
      }
    } catch (error) {
      this.logger.error({ err: error }, 'Could not make the partitions of events ahead; trying again tomorrow');
    } finally {
      await runner.release();
    }
  }
}
