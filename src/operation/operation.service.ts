import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Backlog, BacklogReader } from '../buffer/backlog.js';
import { Env } from '../config/env.js';
import { Metrics } from '../metrics/metrics.service.js';
import { ReadModelState } from '../database/entities/index.js';
import { copyStatus } from '../read-model/backfill/copy-status.js';
import { FillRepository } from '../read-model/backfill/fill.repository.js';
import type { BacklogDto, OperationDto, RateDto, ReadModelDto } from './operation.dto.js';

/** Values: minutes back from now. By the index ingest_batches_committed; the ledger is kept for a month. */
const COMMITTED_LATELY = `SELECT COALESCE(SUM(received), 0) AS received, COALESCE(SUM(inserted), 0) AS inserted,
  COALESCE(SUM(duplicated), 0) AS duplicated, COALESCE(SUM(dead), 0) AS dead, COALESCE(SUM(erased), 0) AS erased
FROM ingest_batches WHERE committed_at >= UTC_TIMESTAMP(3) - INTERVAL ? MINUTE`;

/** Where there are very many, how many exactly is not worth a look at all of them every few seconds. */
const DEAD_LETTERS_MAX = 100_000;
const DEAD_LETTERS = `SELECT COUNT(*) AS n FROM (SELECT 1 FROM dead_letters LIMIT ${DEAD_LETTERS_MAX}) some`;

/** A minute, an hour, a day. */
const RATE_MINUTES = [1, 60, 1440];

type Sums = Record<Exclude<keyof RateDto, 'minutes'>, string | number>;

/** The figures by which those who run the installation see whether it keeps up. */
@Injectable()
export class OperationService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly backlog: BacklogReader,
    private readonly metrics: Metrics,
    private readonly env: Env,
  ) {}

  /** @throws errors of MySQL; a Redis that is away is told as such */
  async figures(): Promise<OperationDto> {
    const [backlog, readModel, rates, [letters], forwarded] = await Promise.all([
      this.backlog.read().then(
        (read) => this.backlogDto(read),
        () => null,
      ),
      this.readModel(),
      Promise.all(RATE_MINUTES.map((minutes) => this.rate(minutes))),
      this.dataSource.query<{ n: string }[]>(DEAD_LETTERS),
      this.metrics.untrustedForwarded.get(),
    ]);
    return {
      backlog,
      readModel,
      rates,
      deadLetters: Number(letters!.n),
      untrustedForwarded: forwarded.values.reduce((sum, { value }) => sum + value, 0),
    };
  }

  private async rate(minutes: number): Promise<RateDto> {
    const [sums] = await this.dataSource.query<Sums[]>(COMMITTED_LATELY, [minutes]);
    const { received, inserted, duplicated, dead, erased } = sums!;
    return {
      minutes,
      received: Number(received),
      inserted: Number(inserted),
      duplicated: Number(duplicated),
      dead: Number(dead),
      erased: Number(erased),
    };
  }

  private async readModel(): Promise<ReadModelDto | null> {
    if (!this.env.readModel) return null;
    const { state, filled, total, waiting, oldestWaiting } = await copyStatus(
      new FillRepository(ReadModelState, this.dataSource.manager),
    );
    return { state, filled, total, waiting, oldestWaitingAgeMs: ageOf(oldestWaiting?.getTime()) };
  }

  private backlogDto({ events, bytes, oldestReceivedAt, workerSeenAt }: Backlog): BacklogDto {
    return {
      events,
      bytes,
      maxBytes: this.env.bufferMaxBytes,
      oldestAgeMs: ageOf(oldestReceivedAt),
      workerSeenAgeMs: ageOf(workerSeenAt),
    };
  }
}

/** Clocks of Redis and of this process may differ a little: never below zero. */
function ageOf(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.max(0, Date.now() - ms);
}
