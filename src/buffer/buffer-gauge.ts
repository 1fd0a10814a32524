import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { BacklogReader } from './backlog.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';

const EVERY_MS = 250;
/** Share of Redis's maxmemory beyond which nothing more is taken, so that a drain still has room to work. */
const MEMORY_SHARE = 0.85;

/**
 * Knows how full the buffer was a moment ago, for health and the log. Whether a request still fits is decided by the
 * script that appends it: a figure measured from here is late, the more so the slower Redis answers.
 */
@Injectable()
export class BufferGauge implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Redis has little memory left, whoever uses it. */
  redisNearlyFull = false;
  /**
   * What segments may take: BUFFER_MAX_BYTES, or less where lists of release 0.1 take a part of it, or Redis has less
   * memory than that.
   */
  roomBytes: number;
  private bytes = 0;
  private wasFull = false;
  private readonly task: PeriodicTask;

  constructor(
    private readonly backlog: BacklogReader,
    private readonly redis: Redis,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.roomBytes = env.bufferMaxBytes;
    this.task = new PeriodicTask({
      name: 'buffer-gauge',
      intervalMs: EVERY_MS,
      run: () => this.measure(),
      logger,
      failure: 'Could not measure the buffer',
      failureLevel: 'debug',
    });
  }

  get full(): boolean {
    return this.redisNearlyFull || this.bytes >= this.env.bufferMaxBytes;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.task.runNow();
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  /** While Redis is away every append fails by itself; the last figures stay. */
  private async measure(): Promise<void> {
    const [backlog, memory] = await Promise.all([this.backlog.read(), this.redis.info('memory')]);
    this.bytes = backlog.bytes;
    const used = Number(/used_memory:(\d+)/.exec(memory)?.[1] ?? 0);
    const max = Number(/maxmemory:(\d+)/.exec(memory)?.[1] ?? 0);
    this.redisNearlyFull = max > 0 && used > max * MEMORY_SHARE;
    const usable = max > 0 ? Math.max(0, Math.floor(max * MEMORY_SHARE) - (used - backlog.bytes)) : Infinity;
    this.roomBytes = Math.max(0, Math.min(this.env.bufferMaxBytes, usable) - backlog.oldListBytes);
    if (this.full === this.wasFull) return;
    this.wasFull = this.full;
    if (this.full) {
      this.logger.error({ bytes: this.bytes }, 'The buffer is full: collect answers 503 until workers have drained it');
    } else this.logger.info('The buffer has room again');
  }
}
