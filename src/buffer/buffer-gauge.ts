import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { BacklogReader } from './backlog.js';
import { UnavailableError } from '../common/app-error.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';

const EVERY_MS = 250;
/** Share of Redis's maxmemory beyond which nothing more is taken, so that a drain still has room to work. */
const MEMORY_SHARE = 0.85;

/** Knows how full the buffer is: measured four times a second, and counted on in between. */
@Injectable()
export class BufferGauge implements OnApplicationBootstrap, OnApplicationShutdown {
  private bytes = 0;
  private grownSince = 0;
  private redisNearlyFull = false;
  private readonly task: PeriodicTask;
  private wasFull = false;

  constructor(
    private readonly backlog: BacklogReader,
    private readonly redis: Redis,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
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
    return this.redisNearlyFull || this.bytes + this.grownSince >= this.env.bufferMaxBytes;
  }

  /** @throws UnavailableError when nothing more must be taken */
  assertRoom(): void {
    if (!this.full) return;
    throw new UnavailableError('buffer_full', 'Too much is waiting to be stored. Send it again later.', 5);
  }

  grew(envelopes: string[]): void {
    for (const envelope of envelopes) this.grownSince += Buffer.byteLength(envelope);
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
    const counted = this.grownSince;
    const [backlog, memory] = await Promise.all([this.backlog.read(), this.redis.info('memory')]);
    this.bytes = backlog.bytes;
    this.grownSince -= counted;
    const used = Number(/used_memory:(\d+)/.exec(memory)?.[1] ?? 0);
    const max = Number(/maxmemory:(\d+)/.exec(memory)?.[1] ?? 0);
    this.redisNearlyFull = max > 0 && used > max * MEMORY_SHARE;
    if (this.full === this.wasFull) return;
    this.wasFull = this.full;
    if (this.full) {
      this.logger.error({ bytes: this.bytes }, 'The buffer is full: collect answers 503 until workers have drained it');
    } else this.logger.info('The buffer has room again');
  }
}
