import { Injectable, Optional } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { type Backlog, BacklogReader } from '../buffer/backlog.js';
import { BufferGauge } from '../buffer/buffer-gauge.js';
import { Readiness } from '../common/readiness.js';
import { Env } from '../config/env.js';
import { CONTROL } from '../database/pools.js';
import { RegistryService } from '../registry/registry.service.js';
import type { ChecksDto, ReadyDto } from './health.dto.js';
import { Probe } from './probe.js';

const TIMEOUT_MS = 2000;
/** Whoever asks more often gets the same answer: /ready is open to everybody. */
const GOOD_FOR_MS = 250;
const PROBE_TTL_S = 60;

type RedisState = ChecksDto['redis'];

/**
 * Whether this process can do its work, and whether what it accepts is counted. In the worker there is neither gauge nor
 * registry: it accepts nothing.
 */
@Injectable()
export class HealthService {
  private readonly redisProbe: Probe<unknown>;
  private readonly backlogProbe: Probe<Backlog>;
  private readonly mysqlProbe: Probe<unknown>;
  private last?: { at: number; report: Promise<ReadyDto> };

  constructor(
    redis: Redis,
    @InjectDataSource(CONTROL) dataSource: DataSource,
    backlog: BacklogReader,
    private readonly env: Env,
    private readonly readiness: Readiness,
    @Optional() private readonly gauge?: BufferGauge,
    @Optional() private readonly registry?: RegistryService,
  ) {
    const key = `${env.redisKeyPrefix}ready`;
    this.redisProbe = new Probe(() => redis.set(key, '1', 'EX', PROBE_TTL_S), TIMEOUT_MS);
    this.backlogProbe = new Probe(() => backlog.read(), TIMEOUT_MS);
    this.mysqlProbe = new Probe(() => dataSource.query('SELECT 1'), TIMEOUT_MS);
  }

  /** Never throws: what is away is in the report. */
  check(): Promise<ReadyDto> {
    const now = Date.now();
    if (!this.last || now - this.last.at > GOOD_FOR_MS) this.last = { at: now, report: this.look() };
    return this.last.report;
  }

  private async look(): Promise<ReadyDto> {
    const [redis, backlog, mysql] = await Promise.all([
      this.redisProbe.ask().then((): RedisState => 'ok', redisState),
      this.backlogProbe.ask().catch(() => undefined),
      this.mysqlProbe.ask().then(
        () => 'ok' as const,
        () => 'away' as const,
      ),
    ]);
    const checks: ChecksDto = {
      redis,
      mysql,
      backlog: this.backlogState(backlog),
      worker: this.workerState(backlog),
      ...(this.registry ? { revocations: this.registry.fresh ? ('ok' as const) : ('unknown' as const) } : {}),
    };
    const { stopping } = this.readiness;
    return {
      status: stopping ? 'unavailable' : overall(checks),
      checks,
      durability: this.env.redisDurability,
      stopping,
    };
  }

  private backlogState(backlog: Backlog | undefined): ChecksDto['backlog'] {
    if (this.gauge?.full) return 'full';
    if (!backlog) return 'unknown';
    const { oldestReceivedAt } = backlog;
    const maxAgeMs = Math.max(this.env.readyBacklogMaxAgeMs, 2 * this.env.flushIntervalMs);
    return oldestReceivedAt !== undefined && Date.now() - oldestReceivedAt > maxAgeMs ? 'old' : 'ok';
  }

  private workerState(backlog: Backlog | undefined): ChecksDto['worker'] {
    if (!backlog) return 'unknown';
    const { workerSeenAt } = backlog;
    const unseen = workerSeenAt === undefined || Date.now() - workerSeenAt > this.env.readyWorkerMaxAgeMs;
    return unseen ? 'unseen' : 'ok';
  }
}

/** An answer that is an error is still an answer. */
function redisState(error: unknown): RedisState {
  return (error as Error).name === 'ReplyError' ? 'refuses_writes' : 'away';
}

function overall(checks: ChecksDto): ReadyDto['status'] {
  const accepts = checks.redis === 'ok' && checks.backlog !== 'full' && checks.revocations !== 'unknown';
  if (!accepts) return 'unavailable';
  return checks.mysql === 'ok' && checks.backlog === 'ok' && checks.worker === 'ok' ? 'ok' : 'degraded';
}
