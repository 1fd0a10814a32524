import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';
import { BufferRoom } from './buffer-room.js';

const EVERY_MS = 250;

/**
 * Knows how full the buffer was a moment ago, for health and the log. Whether a request still fits is decided by the
 * script that appends it: a figure measured from here is late, the more so the slower Redis answers.
 */
@Injectable()
export class BufferGauge implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Redis has little memory left, whoever uses it. */
  redisNearlyFull = false;
  /** What segments may take, see {@link BufferRoom}. */
  roomBytes: number;
  private bytes = 0;
  private wasFull = false;
  private readonly task: PeriodicTask;

  constructor(
    private readonly room: BufferRoom,
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
    const { bytes, roomBytes, redisNearlyFull } = await this.room.measure();
    Object.assign(this, { bytes, roomBytes, redisNearlyFull });
    if (this.full === this.wasFull) return;
    this.wasFull = this.full;
    if (this.full) {
      this.logger.error({ bytes: this.bytes }, 'The buffer is full: collect answers 503 until workers have drained it');
    } else this.logger.info('The buffer has room again');
  }
}
