import { InjectQueue } from '@nestjs/bullmq';
import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { DRAIN_QUEUE } from '../buffer/buffer-keys.js';
import { BufferGauge } from '../buffer/buffer-gauge.js';
import { bufferFull, shareExceeded } from '../buffer/buffer-refusals.js';
import { type Appended, BufferWriter } from '../buffer/buffer-writer.js';
import { UnavailableError } from '../common/app-error.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { Env } from '../config/env.js';
import { encodeEnvelope } from '../events/envelope.js';
import type { AcceptedEvent } from '../events/event.js';

/** Appends accepted events to Redis and answers when they are in its append-only file. */
@Injectable()
export class BufferService {
  constructor(
    private readonly redis: Redis,
    private readonly writer: BufferWriter,
    private readonly gauge: BufferGauge,
    @InjectQueue(DRAIN_QUEUE) private readonly queue: Queue,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.queue.on('error', (error) => this.logger.debug({ err: error }, 'BullMQ reports an error'));
  }

  /**
   * All of them or none.
   * @param account that owns the app; 32 hex digits
   * @throws UnavailableError: the buffer is full, or Redis did not answer (then the outcome is unknown: send again);
   *   AppError 429 when the account holds more than its share of a buffer that others need
   */
  async append(account: string, events: AcceptedEvent[]): Promise<void> {
    if (this.gauge.redisNearlyFull) throw bufferFull();
    const appended = await this.push(account, events);
    if (appended.outcome === 'full') throw bufferFull();
    if (appended.outcome === 'share_exceeded') throw shareExceeded();
    this.alarm(appended.pending, events.length);
  }

  private async push(account: string, events: AcceptedEvent[]): Promise<Appended> {
    const receivedAt = Math.min(...events.map((event) => event.receivedAt));
    try {
      return await this.writer.append(account, events.map(encodeEnvelope), receivedAt, this.gauge.roomBytes);
    } catch (error) {
      throw new UnavailableError(
        'buffer_unavailable',
        'The event could not be stored just now. Send it again with the same eventId.',
        2,
        error,
      );
    }
  }

  /** Wakes a worker at the threshold, or after the longest wait. Never waited for: workers also look by themselves. */
  private alarm(pending: number, added: number): void {
    const { flushThreshold, flushIntervalMs } = this.env;
    const crossed = pending >= flushThreshold && pending - added < flushThreshold;
    const first = pending === added;
    if (!crossed && !first) return;
    const delay = crossed ? 0 : flushIntervalMs;
    if (this.redis.status !== 'ready') return;
    this.queue.add('drain', {}, { delay }).catch((error: unknown) => {
      this.logger.debug({ err: error }, 'Could not set the alarm for a drain; the workers look by themselves');
    });
  }
}
